package main

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/annals-io/annals/domain"
)

// wants is what an actor should be told of an operation in a workspace.
func (a *actor) wants(row matrixRow, kind, slug string) matrixOutcome {
	switch {
	case a.shut:
		return shutOut
	case a.name == "key to ingest", row.people && (a.name == "service account" || a.name == "key to read"):
		return forbidden // GraphQL wants the scope read
	case row.place == ofAnybody:
		return letIn
	}
	return a.allowed(row, slug)
}

// outcome reads an answer of GraphQL.
func (a matrixAnswer) outcome() (matrixOutcome, string) {
	var got struct {
		Data   map[string]json.RawMessage
		Errors []graphqlError
	}
	switch {
	case a.status == 401:
		return shutOut, ""
	case a.status == 403:
		return forbidden, ""
	case json.Unmarshal([]byte(a.body), &got) != nil:
		return "", "no JSON"
	}
	if len(got.Errors) > 0 {
		switch code := got.Errors[0].Extensions.Code; code {
		case "FORBIDDEN":
			return forbidden, ""
		case "NOT_FOUND":
			return missing, ""
		case "BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED", "INTERNAL", "INVALID_ARGUMENT", "BAD_INPUT":
			return "", "the request is not understood"
		}
		return letIn, ""
	}
	it := got.Data["it"]
	var payload struct {
		UserErrors []struct {
			Typename string `json:"__typename"`
			Code     string
			Path     []string
		}
	}
	switch {
	case string(it) == "null", string(it) == "[null]":
		return missing, ""
	case json.Unmarshal(it, &payload) == nil && len(payload.UserErrors) > 0:
		e := payload.UserErrors[0]
		path := strings.Join(e.Path, ".")
		switch e.Typename {
		case "PermissionDenied":
			return forbidden, ""
		case "WorkspaceClosed":
			return closed, ""
		}
		if e.Typename == "NotFoundError" && (path == "input.workspace" || path == "input.organization") {
			return missing, ""
		}
	}
	return letIn, ""
}

// Every field of the roots is asked by everybody about their own workspace, a foreign, a deleted and a missing one. One
// that this test has no row for fails it.
func TestMatrixOfGraphQL(t *testing.T) {
	t.Parallel()
	w := newMatrixWorld(t)
	schema := schemaOf(t, w.testServer)
	known := map[string]bool{}
	for _, kind := range []string{"Query", "Subscription", "Mutation"} {
		for _, f := range schema.types[kind].Fields {
			name := kind + "." + f.Name
			row, ok := matrixFields[name]
			if known[name] = ok; !ok {
				t.Errorf("%s: the matrix has no row for it: say in matrix_rows_test.go who may ask it", name)
				continue
			}
			t.Run(name, func(t *testing.T) {
				for _, a := range w.cast {
					w.asksAll(t, schema, a, kind, f, row)
				}
			})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(matrixFields)) {
		if !known[name] {
			t.Errorf("%s: there is no such field any more", name)
		}
	}
}

// asksAll asks one field about every workspace, and compares what is said of a foreign one with what of a missing one.
func (w *matrixWorld) asksAll(t *testing.T, schema matrixSchema, a *actor, kind string, f matrixField, row matrixRow) {
	t.Helper()
	answers := map[string]matrixAnswer{}
	for _, slug := range []string{ownWorkspace, foreignWorkspace, deletedWorkspace, missingWorkspace} {
		document, variables := schema.document(kind, f, row, slug)
		answer := w.asks(t, a, kind, document, variables)
		answers[slug] = answer
		want := a.wants(row, kind, slug)
		got, why := answer.outcome()
		if a.bound { // the token of a run: these are about other runs, or about no run
			if got != missing && got != forbidden && row.place != ofAnybody && !(row.needs == domain.IngestEvents && slug == ownWorkspace) {
				t.Errorf("%s about %s: %s %s\n%s %s\n%d %.400s", a.name, slug, got, why, document, rawJSON(variables), answer.status, answer.body)
			}
			continue
		}
		if got == closed && slug == deletedWorkspace && (want == letIn || want == forbidden) {
			continue // it is told to whoever may do anything there
		}
		if got == closed && slug == ownWorkspace && want == letIn { // it was archived a moment ago
			continue
		}
		if got != want {
			t.Errorf("%s about %s: %s %s, want %s\n%s %s\n%d %.400s", a.name, slug, got, why, want, document, rawJSON(variables), answer.status, answer.body)
		}
	}
	for _, slug := range []string{foreignWorkspace, deletedWorkspace} {
		if a.bound || a.wants(row, kind, slug) != missing {
			continue
		}
		if hidden, none := answers[slug].about(slug, missingWorkspace), answers[missingWorkspace]; hidden != none {
			t.Errorf("%s is told of %s\n%v\nand of one that never was\n%v", a.name, slug, hidden, none)
		}
	}
}
