package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
)

// graphqlError is a top-level error of an answer.
type graphqlError struct {
	Message    string `json:"message"`
	Path       []any  `json:"path"`
	Extensions struct {
		Code       string   `json:"code"`
		Candidates []string `json:"candidates"`
	} `json:"extensions"`
}

// exits of the codes of top-level errors; what is not here is exitFailed.
var exits = map[string]int{
	"UNAUTHENTICATED": exitAuth, "FORBIDDEN": exitAuth,
	"NOT_FOUND": exitNotFound, "WORKSPACE_NOT_FOUND": exitNotFound, "AS_OF_BEFORE_FIRST_EVENT": exitNotFound, "AS_OF_AHEAD": exitNotFound, "GONE": exitNotFound,
	"AMBIGUOUS": exitUsage, "BAD_USER_INPUT": exitUsage, "AS_OF_NEEDS_TIME": exitUsage,
	"INVALID": exitUsage, "REQUIRED": exitUsage, "TOO_LONG": exitUsage,
	"ALREADY_EXISTS": exitConflict, "CONFLICT": exitConflict, "REVISION_CONFLICT": exitConflict, "INVALID_TRANSITION": exitConflict, "ARCHIVED": exitConflict,
	"CONSISTENCY_TIMEOUT": exitTimeout, "TIMEOUT": exitTimeout, "WORKSPACE_PAUSED": exitTimeout,
}

func exitOf(code string) int {
	if exit, ok := exits[code]; ok {
		return exit
	}
	return exitFailed
}

func (e graphqlError) failure() *failure {
	f := &failure{Exit: exitOf(e.Extensions.Code), Code: strings.ToLower(e.Extensions.Code), Message: e.Message, Candidates: e.Extensions.Candidates}
	if f.Code == "" {
		f.Code = "failed"
	}
	if e.Extensions.Code == "AMBIGUOUS" {
		f.Hint = "name one of these"
	}
	return f
}

// query asks one GraphQL operation and reads its data.
func (c *client) query(ctx context.Context, operation string, variables map[string]any, out any) error {
	header := http.Header{"Content-Type": {"application/json"}, "Accept": {"application/graphql-response+json, application/json"}}
	resp, err := c.send(ctx, http.MethodPost, "/graphql", header, rawJSON(map[string]any{"query": operation, "variables": variables}))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return c.unreachable(ctx, err)
	}
	var answer struct {
		Data   json.RawMessage `json:"data"`
		Errors []graphqlError  `json:"errors"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || (answer.Data == nil && answer.Errors == nil) {
		if resp.StatusCode >= 300 {
			return refusal(resp.StatusCode, body)
		}
		return c.strange(resp, err)
	}
	if len(answer.Errors) > 0 {
		return answer.Errors[0].failure()
	}
	if err := json.Unmarshal(answer.Data, out); err != nil {
		return fmt.Errorf("read the server's answer: %w", err)
	}
	return nil
}

// userError is why a mutation did nothing.
type userError struct {
	Message    string   `json:"message"`
	Path       []string `json:"path"`
	Code       string   `json:"code"`
	Candidates []string `json:"candidates"`
}

// payloadFields are asked of every mutation.
const payloadFields = `userErrors { message path code ... on NotFoundError { candidates } } revision duplicate`

// mutate carries out a mutation of one input and answers its payload. Sent twice for whatever reason, it is done once.
func (c *client) mutate(ctx context.Context, name string, input map[string]any, fields, reason string) (json.RawMessage, error) {
	meta := map[string]any{"idempotencyKey": uuid.NewString()}
	if reason != "" {
		meta["reason"] = reason
	}
	input["meta"] = meta
	typ := strings.ToUpper(name[:1]) + name[1:] + "Input"
	operation := fmt.Sprintf("mutation($input: %s!) { %s(input: $input) { %s %s } }", typ, name, fields, payloadFields)
	var data map[string]json.RawMessage
	if err := c.query(ctx, operation, map[string]any{"input": input}, &data); err != nil {
		return nil, err
	}
	payload := data[name]
	var said struct {
		UserErrors []userError `json:"userErrors"`
	}
	if err := json.Unmarshal(payload, &said); err != nil {
		return nil, fmt.Errorf("read the server's answer: %w", err)
	}
	if len(said.UserErrors) > 0 {
		e := said.UserErrors[0]
		return nil, &failure{Exit: exitOf(e.Code), Code: strings.ToLower(e.Code), Message: e.Message, Path: strings.Join(e.Path, "."), Candidates: e.Candidates}
	}
	return payload, nil
}

// asOfFlag is --as-of: a revision, or a time.
type asOfFlag struct{ text string }

func (f *asOfFlag) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.text, "as-of", "", "look at an earlier `moment`: a time (2026-03-01, 2026-03-01T12:00:00Z) or a revision (4711)")
}

// input is the GraphQL value, nil for now.
func (f *asOfFlag) input() (map[string]any, error) {
	s := f.text
	if s == "" {
		return nil, nil
	}
	if strings.Trim(s, "0123456789") == "" {
		return map[string]any{"revision": json.Number(strings.TrimLeft(s[:len(s)-1], "0") + s[len(s)-1:])}, nil
	}
	t, err := parseTime(s)
	if err != nil {
		return nil, usage("--as-of %q is neither a revision nor a time", s).with("write 4711, 2026-03-01 or 2026-03-01T12:00:00Z")
	}
	return map[string]any{"time": t.UTC().Format(time.RFC3339Nano)}, nil
}

// timeLayouts are the forms of time that are understood; without a zone it is UTC.
var timeLayouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"}

func parseTime(s string) (time.Time, error) {
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usage("%q is no time", s).with("write 2026-03-01 or 2026-03-01T12:00:00Z; without a zone it is UTC")
}

// inWorkspace settles which workspace a command is about: as set, else that of the key, else "default".
func (a *app) inWorkspace(ctx context.Context, c *client) (string, error) {
	if a.global.workspace != "" {
		return a.global.workspace, nil
	}
	var who struct {
		Viewer struct{ Workspace *string }
	}
	if err := c.query(ctx, `{ viewer { workspace } }`, nil, &who); err != nil {
		return "", err
	}
	if who.Viewer.Workspace != nil && *who.Viewer.Workspace != "" {
		return *who.Viewer.Workspace, nil
	}
	return "default", nil
}

// noWorkspace says that a workspace is not there, or not for this key.
func noWorkspace(slug string) error {
	return (&failure{Exit: exitNotFound, Code: "not_found", Message: fmt.Sprintf("there is no workspace %s, or this key may not see it", slug)}).with("`annals workspace list` shows those there are")
}

// within asks for one field of a workspace. Its operation is a query whose `workspace(...)` is filled in: the variables
// $slug and $asOf are declared and used.
func (a *app) within(ctx context.Context, c *client, declare, field string, vars map[string]any, asOf asOfFlag) (json.RawMessage, error) {
	slug, err := a.inWorkspace(ctx, c)
	if err != nil {
		return nil, err
	}
	return a.withinSlug(ctx, c, slug, declare, field, vars, asOf)
}

func (a *app) withinSlug(ctx context.Context, c *client, slug, declare, field string, vars map[string]any, asOf asOfFlag) (json.RawMessage, error) {
	at, err := asOf.input()
	if err != nil {
		return nil, err
	}
	all := map[string]any{"slug": slug, "asOf": at}
	for name, v := range vars {
		all[name] = v
	}
	operation := fmt.Sprintf("query($slug: String!, $asOf: AsOf%s) { workspace(slug: $slug, asOf: $asOf) { it: %s } }", declare, field)
	var data struct {
		Workspace *struct{ It json.RawMessage }
	}
	if err := c.query(ctx, operation, all, &data); err != nil {
		return nil, err
	}
	if data.Workspace == nil {
		return nil, noWorkspace(slug)
	}
	return data.Workspace.It, nil
}

// one asks for one thing of a workspace by a word that names it.
func (a *app) one(ctx context.Context, c *client, what, word, field string, vars map[string]any, declare string, asOf asOfFlag) (json.RawMessage, error) {
	all := map[string]any{"id": word}
	for name, v := range vars {
		all[name] = v
	}
	raw, err := a.within(ctx, c, ", $id: ID!"+declare, field, all, asOf)
	if err != nil {
		return nil, err
	}
	if len(raw) == 0 || string(raw) == "null" {
		return nil, (&failure{Exit: exitNotFound, Code: "not_found", Message: fmt.Sprintf("there is no %s %q", what, clip(word, 200))}).with("`annals %s list` shows those there are", strings.Fields(what)[0])
	}
	return raw, nil
}

// listFlags are those of every listing command.
type listFlags struct {
	limit int
	after string
}

func (f *listFlags) add(cmd *cobra.Command, limit int) {
	cmd.Flags().IntVar(&f.limit, "limit", limit, "most rows; 0: all of them")
	cmd.Flags().StringVar(&f.after, "after", "", "go on after this `cursor`, the nextCursor of an earlier answer")
}

// page is one page of a connection.
type page struct {
	Nodes    []json.RawMessage `json:"nodes"`
	PageInfo struct {
		HasNextPage bool    `json:"hasNextPage"`
		EndCursor   *string `json:"endCursor"`
	} `json:"pageInfo"`
	TotalCount int `json:"totalCount"`
}

// pageFields are what a connection is asked for.
func pageFields(node string) string {
	return "{ nodes { " + node + " } pageInfo { hasNextPage endCursor } totalCount }"
}

// mostPerPage is the largest page that a server gives.
const mostPerPage = 500

// collect reads pages until the limit is reached or there is no more. With ndjson, rows are written as they come.
func (a *app) collect(f listFlags, next func(first int, after *string) (page, error), columns []column) error {
	if f.limit < 0 {
		return usage("--limit %d is below zero", f.limit)
	}
	l := list{Items: []json.RawMessage{}}
	var after *string
	if f.after != "" {
		after = &f.after
	}
	shown := 0
	for {
		first := mostPerPage
		if f.limit > 0 {
			first = min(first, f.limit-shown)
		}
		p, err := next(first, after)
		if err != nil {
			return err
		}
		shown += len(p.Nodes)
		l.TotalCount, l.NextCursor, after = p.TotalCount, nil, p.PageInfo.EndCursor
		if p.PageInfo.HasNextPage {
			l.NextCursor = p.PageInfo.EndCursor
		}
		if a.global.output == "ndjson" {
			if err := a.printLines(p.Nodes); err != nil {
				return err
			}
		} else {
			l.Items = append(l.Items, p.Nodes...)
		}
		if !p.PageInfo.HasNextPage || len(p.Nodes) == 0 || (f.limit > 0 && shown >= f.limit) {
			break
		}
	}
	if a.global.output == "ndjson" {
		return nil
	}
	return a.printList(l, columns)
}

// listIn lists a connection field of a workspace. The field takes $first and $after besides what declare says.
func (a *app) listIn(ctx context.Context, field, args, declare, node string, vars map[string]any, f listFlags, asOf asOfFlag, columns []column) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	slug, err := a.inWorkspace(ctx, c)
	if err != nil {
		return err
	}
	return a.collect(f, func(first int, after *string) (page, error) {
		all := map[string]any{"first": first, "after": after}
		for name, v := range vars {
			all[name] = v
		}
		var p page
		raw, err := a.withinSlug(ctx, c, slug, ", $first: Int, $after: String"+declare, field+"(first: $first, after: $after"+args+") "+pageFields(node), all, asOf)
		if err != nil {
			return p, err
		}
		return p, json.Unmarshal(raw, &p)
	}, columns)
}
