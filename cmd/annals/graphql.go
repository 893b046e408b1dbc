package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/google/uuid"
)

// graphqlError is a top-level error of an answer.
type graphqlError struct {
	Message    string `json:"message"`
	Path       []any  `json:"path"`
	Extensions struct {
		Code       string   `json:"code"`
		Reason     string   `json:"reason"` // the closer code of a refusal
		Argument   string   `json:"argument"`
		Limit      int      `json:"limit"`
		Candidates []string `json:"candidates"`
	} `json:"extensions"`
}

// exits of the codes of top-level errors; what is not here is exitFailed.
var exits = map[string]int{
	"UNAUTHENTICATED": exitAuth, "FORBIDDEN": exitAuth, "READ_ONLY": exitAuth,
	"NOT_FOUND": exitNotFound, "WORKSPACE_NOT_FOUND": exitNotFound, "AS_OF_BEFORE_FIRST_EVENT": exitNotFound, "AS_OF_AHEAD": exitNotFound, "GONE": exitNotFound,
	"AMBIGUOUS": exitUsage, "BAD_USER_INPUT": exitUsage, "GRAPHQL_VALIDATION_FAILED": exitUsage, "AS_OF_NEEDS_TIME": exitUsage,
	"INVALID": exitUsage, "REQUIRED": exitUsage, "TOO_LONG": exitUsage,
	"ALREADY_EXISTS": exitConflict, "CONFLICT": exitConflict, "REVISION_CONFLICT": exitConflict, "INVALID_TRANSITION": exitConflict, "ARCHIVED": exitConflict, "BLOCKED": exitConflict, "LAST_OWNER": exitConflict,
	"CONSISTENCY_TIMEOUT": exitTimeout, "TIMEOUT": exitTimeout, "WORKSPACE_PAUSED": exitTimeout, "READ_MODEL_OUTDATED": exitTimeout,
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
	if e.Extensions.Reason != "" {
		f.Code = e.Extensions.Reason
	}
	if e.Extensions.Argument == "first" {
		f.page = e.Extensions.Limit
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
	Blockers   []struct{ Name, Status, Command string }
}

// ways are what helps: what a word may mean, or how to end what stands in the way.
func (e userError) ways() []string {
	ways := e.Candidates
	for _, b := range e.Blockers {
		ways = append(ways, fmt.Sprintf("%s is %s: `%s`", b.Name, strings.ToLower(b.Status), b.Command))
	}
	return ways
}

// payloadFields are asked of every mutation.
const payloadFields = `userErrors { message path code ... on NotFoundError { candidates } ... on DeletionBlocked { blockers { name status command } } } revision duplicate`

// mutate carries out a mutation of one input and answers its payload. Sent twice for whatever reason, it is done once.
func (c *client) mutate(ctx context.Context, name string, input map[string]any, fields, reason string) (json.RawMessage, error) {
	c.shows(shownMoment{}) // what is printed after this is true now
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
		return nil, &failure{Exit: exitOf(e.Code), Code: strings.ToLower(e.Code), Message: e.Message, Path: strings.Join(e.Path, "."), Candidates: e.ways()}
	}
	return payload, nil
}

// inWorkspace settles which workspace a command is about: as set, else that of the profile, else that of the key, else
// "default".
func (a *app) inWorkspace(ctx context.Context, c *client) (string, error) {
	if slug := cmp.Or(a.global.workspace, a.profileWorkspace); slug != "" {
		return slug, nil
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
	operation := fmt.Sprintf("query($slug: String!, $asOf: AsOf%s) { workspace(slug: $slug, asOf: $asOf) { "+momentFields+" it: %s } }", declare, field)
	var data struct {
		Workspace *struct{ AsOf, It json.RawMessage }
	}
	if err := c.query(ctx, operation, all, &data); err != nil {
		return nil, err
	}
	if data.Workspace == nil {
		return nil, noWorkspace(slug)
	}
	c.shows(shownMoment{data.Workspace.AsOf, asOf.given()})
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
		return nil, (&failure{Exit: exitNotFound, Code: "not_found", Message: fmt.Sprintf("there is no %s %q%s", what, clip(word, 200), a.shown.before())}).with("`annals %s list` shows those there are", strings.Fields(what)[0])
	}
	return raw, nil
}
