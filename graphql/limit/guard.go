package limit

import (
	"context"
	"errors"
	"fmt"

	"github.com/99designs/gqlgen/complexity"
	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
)

// A Guard applies the limits to every operation of a gqlgen executor.
type Guard struct {
	Limits Limits
	// Known is the executor's cache of validated documents: what is in it was measured before.
	Known graphql.Cache[*ast.QueryDocument]
	// Introspect says whether the caller may see the schema; nil means nobody may.
	Introspect func(context.Context) bool

	schema graphql.ExecutableSchema
}

var _ interface {
	graphql.HandlerExtension
	graphql.OperationParameterMutator
	graphql.OperationContextMutator
	graphql.OperationInterceptor
} = (*Guard)(nil)

// ExtensionName is the guard's name in gqlgen.
func (*Guard) ExtensionName() string { return "Limits" }

// Validate keeps the schema that documents are judged by.
func (g *Guard) Validate(schema graphql.ExecutableSchema) error {
	if g.Known == nil {
		return errors.New("limit: a guard needs the executor's cache of documents")
	}
	g.schema = schema
	return nil
}

// MutateOperationParameters measures a document before it is validated. What does not parse is left to the
// executor, which answers with the place of the fault.
func (g *Guard) MutateOperationParameters(ctx context.Context, p *graphql.RawParams) *gqlerror.Error {
	if _, ok := g.Known.Get(ctx, p.Query); ok {
		return nil
	}
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: p.Query}, g.Limits.Tokens)
	if err != nil {
		return nil
	}
	return g.Limits.Measure(doc)
}

// MutateOperationContext judges an operation with its variables.
func (g *Guard) MutateOperationContext(ctx context.Context, op *graphql.OperationContext) *gqlerror.Error {
	op.DisableIntrospection = g.Introspect == nil || !g.Introspect(ctx)
	if op.DisableIntrospection {
		if err := refuseIntrospection(op.Doc, op.Operation); err != nil {
			return err
		}
	}
	if err := CheckOneOf(g.schema.Schema(), op.Doc, op.Operation, op.Variables); err != nil {
		return err
	}
	if err := refuseNUL(op.Doc, op.Operation, op.Variables); err != nil {
		return err
	}
	cost := complexity.Calculate(ctx, g.schema, op.Operation, op.Variables)
	if cost > g.Limits.Complexity {
		err := gqlerror.Errorf("the operation costs %d; at most %d: ask for smaller pages or fewer fields", cost, g.Limits.Complexity)
		err.Extensions = map[string]any{"code": CodeCost, "rule": fmt.Sprintf("An operation costs at most %d: its fields, times the rows of the pages around them.", g.Limits.Complexity), "cost": cost, "limit": g.Limits.Complexity}
		return err
	}
	return nil
}

// InterceptOperation ends queries and mutations that take too long. Subscriptions last as long as they are wanted.
func (g *Guard) InterceptOperation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	op := graphql.GetOperationContext(ctx)
	if op.Operation.Operation == ast.Subscription {
		return next(ctx)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, g.Limits.Timeout, ErrTimeout)
	respond := next(ctx)
	return func(inner context.Context) *graphql.Response {
		defer cancel()
		resp := respond(inner)
		if resp == nil && context.Cause(ctx) == ErrTimeout {
			// The executor answers nothing once its time is over; the caller is there and wants to know.
			return &graphql.Response{Errors: gqlerror.List{{Message: ErrTimeout.Error(), Extensions: map[string]any{"code": CodeTimeout, "rule": fmt.Sprintf("A query or mutation takes at most %s.", g.Limits.Timeout)}}}}
		}
		return resp
	}
}

// ErrTimeout is the cause of an operation's end by [Limits].Timeout.
var ErrTimeout = errors.New("the operation took longer than it may: ask for less")

// refuseIntrospection refuses an operation that looks at the schema.
func refuseIntrospection(doc *ast.QueryDocument, op *ast.OperationDefinition) *gqlerror.Error {
	set := op.SelectionSet
	seen := map[string]bool{}
	for len(set) > 0 {
		var next ast.SelectionSet
		for _, sel := range set {
			switch sel := sel.(type) {
			case *ast.Field:
				if sel.Name == "__schema" || sel.Name == "__type" {
					err := gqlerror.Errorf("the schema is shown to callers with a key only")
					err.Extensions = map[string]any{"code": CodeIntro}
					return err
				}
			case *ast.InlineFragment:
				next = append(next, sel.SelectionSet...)
			case *ast.FragmentSpread:
				if f := doc.Fragments.ForName(sel.Name); f != nil && !seen[sel.Name] {
					seen[sel.Name] = true
					next = append(next, f.SelectionSet...)
				}
			}
		}
		set = next
	}
	return nil
}
