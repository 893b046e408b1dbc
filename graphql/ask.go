package graphql

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	gql "github.com/99designs/gqlgen/graphql"
)

// Ask carries out a document that another door of the server asks in the name of the caller in ctx: what it answers is
// what GraphQL answers, with the same rights, moments and limits. Data is the whole answer; where a fault left a hole in it,
// the faults say so. The error is one of a request that nobody is behind.
func (s *Server) Ask(ctx context.Context, document string, variables map[string]any) (data json.RawMessage, faults []*Fault, err error) {
	c, ok := s.caller(ctx)
	if !ok {
		return nil, nil, fmt.Errorf("ask GraphQL: nobody asks")
	}
	raw, err := json.Marshal(variables)
	if err != nil {
		return nil, nil, fmt.Errorf("write the variables: %w", err)
	}
	params := &gql.RawParams{Query: document}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber() // as a request has them
	if err := decoder.Decode(&params.Variables); err != nil {
		return nil, nil, fmt.Errorf("read the variables: %w", err)
	}
	now := gql.Now()
	params.ReadTime = gql.TraceTiming{Start: now, End: now}
	ctx = context.WithValue(gql.StartOperationTrace(ctx), callerKey{}, c)
	op, errs := s.exec.CreateOperationContext(ctx, params)
	resp := &gql.Response{Errors: errs}
	if len(errs) == 0 {
		answer, ctx := s.exec.DispatchOperation(ctx, op)
		if resp = answer(ctx); resp == nil {
			return nil, []*Fault{{Code: codeCancelled, Message: "the caller went away"}}, nil
		}
	}
	for _, e := range resp.Errors {
		f := &Fault{Message: e.Message, More: e.Extensions}
		f.Code, _ = e.Extensions["code"].(string)
		faults = append(faults, f)
	}
	return resp.Data, faults, nil
}
