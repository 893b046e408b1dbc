package main

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/rest/openapi"
)

// Every route is asked by everybody about their own workspace, a foreign, a deleted and a missing one, with what its
// documents give as an example. A route that this test has no row for fails it.
func TestMatrixOfRoutes(t *testing.T) {
	t.Parallel()
	w := newMatrixWorld(t)
	described := map[string]openapi.Operation{}
	for _, o := range allOperations(serveFlags{}) {
		described[o.Pattern] = o
	}
	known := map[string]bool{}
	for _, route := range routes() {
		if route.Needs == "" || strings.HasSuffix(route.Pattern, " /graphql") {
			continue // open to anybody, which holds no data; or of a matrix of its own
		}
		row, ok := everyMatrixRoute[route.Pattern]
		o := described[route.Pattern]
		if known[route.Pattern] = ok; !ok {
			t.Errorf("%s: the matrix has no row for it: say in matrix_rows_test.go who may ask it", route.Pattern)
			continue
		}
		if row.place != nowhereAtAll && o.Permission != string(row.needs) {
			t.Errorf("%s takes %q by its documents and %q by the matrix", route.Pattern, o.Permission, row.needs)
		}
		t.Run(route.Pattern, func(t *testing.T) {
			for _, a := range w.cast {
				w.callsAll(t, a, route, o, row)
			}
		})
	}
	for _, pattern := range slices.Sorted(maps.Keys(everyMatrixRoute)) {
		if !known[pattern] {
			t.Errorf("%s: there is no such route any more", pattern)
		}
	}
}

// callsAll calls one route about every workspace, and compares what is said of a foreign one with what of a missing one.
func (w *matrixWorld) callsAll(t *testing.T, a *actor, route access.Route, o openapi.Operation, row matrixRow) {
	t.Helper()
	answers := map[string]matrixAnswer{}
	for _, slug := range []string{ownWorkspace, foreignWorkspace, deletedWorkspace, missingWorkspace} {
		method, path := filledPath(o, slug)
		var header []string
		body := ""
		if o.Body != nil && len(o.Body.Content) > 0 {
			header = append(header, "Content-Type", o.Body.Content[0].Type)
			if body, _ = o.Body.Content[0].Example.(string); body == "" && o.Body.Content[0].Example != nil {
				body = string(rawJSON(o.Body.Content[0].Example))
			}
		}
		for name, value := range row.args {
			text, _ := filled(value, slug).(string)
			if query, ok := strings.CutPrefix(name, "?"); ok {
				path += "?" + query + "=" + text
				continue
			}
			header = append(header, name, text)
		}
		status, answer, said := w.as(t, a, method, path, body, header...)
		answers[slug] = matrixAnswer{status, answer, told(said)}
		want := a.wantsOf(route, row, slug)
		got := a.told(status, answer)
		if a.browser && body != "" && !strings.Contains(header[1], "json") { // a form could send it: it is refused wherever it goes
			if status != http.StatusUnsupportedMediaType {
				t.Errorf("%s about %s: %d, want 415\n%s %s", a.name, slug, status, method, path)
			}
			continue
		}
		if got == closed && (want == letIn || want == forbidden) { // it was deleted, or had ended: whoever may do anything there is told
			got = want
		}
		if got != want && !(row.void && want == letIn && got == missing) {
			t.Errorf("%s about %s: %s, want %s\n%s %s %s\n%d %.400s", a.name, slug, got, want, method, path, body, status, answer)
		}
	}
	for _, slug := range []string{foreignWorkspace, deletedWorkspace} {
		if a.wantsOf(route, row, slug) != missing || row.place != inWorkspace && row.place != inOrganization {
			continue
		}
		if hidden, none := answers[slug].about(slug, missingWorkspace), answers[missingWorkspace]; hidden != none {
			t.Errorf("%s is told of %s\n%v\nand of one that never was\n%v", a.name, slug, hidden, none)
		}
	}
}

// wantsOf is what an actor should be told by a route: the scope of their key counts first.
func (a *actor) wantsOf(route access.Route, row matrixRow, slug string) matrixOutcome {
	scope := map[string]access.Scope{"key to read": access.Read, "key to ingest": access.IngestOnly}[a.name]
	switch {
	case a.shut:
		return shutOut
	case a.name == "run token" && route.Needs == access.IngestOnly && (row.place == nowhereAtAll || row.place == inWorkspace && slug != ownWorkspace):
		return missing
	case a.name == "run token":
		return forbidden // the examples are of other runs
	case scope != "" && !(access.Principal{Scopes: []access.Scope{scope}}).Has(route.Needs):
		return forbidden
	case row.people && a.name == "service account":
		return forbidden
	case row.place == ofOperators:
		return forbidden // nobody of the cast is one
	case row.place == nowhereAtAll:
		return missing
	case row.place == ofAnybody:
		return letIn
	}
	return a.allowed(row, slug)
}

// told is what an answer comes to for this actor. A credential that is bound to one workspace is told so of every other
// alike, and the token of a run so of every other run, in a batch event by event.
func (a *actor) told(status int, body string) matrixOutcome {
	switch {
	case a.bound && strings.Contains(body, `"workspace_conflict"`):
		return missing
	case a.bound && strings.Contains(body, "writes one run alone"):
		return forbidden
	}
	return ofStatus(status)
}

// filledPath is the path of an operation about a workspace.
func filledPath(o openapi.Operation, slug string) (method, path string) {
	method, path, _ = strings.Cut(o.Pattern, " ")
	parts := strings.Split(path, "/")
	for i, part := range parts {
		switch {
		case part == "{slug}" || part == "{workspace}":
			parts[i] = slug
		case part == "{org}" || part == "{organization}":
			parts[i] = theirs[slug]
		case part == "{run}":
			parts[i] = "r1"
		case strings.HasPrefix(part, "{"):
			parts[i] = "x1"
			for _, p := range o.Parameters {
				if example, ok := p.Example.(string); ok && "{"+p.Name+"}" == part {
					parts[i] = example
				}
			}
		}
	}
	return method, strings.Join(parts, "/")
}

// ofStatus is what an answer of REST comes to.
func ofStatus(status int) matrixOutcome {
	switch status {
	case 401:
		return shutOut
	case 403:
		return forbidden
	case 404:
		return missing
	case 410:
		return closed
	}
	if status >= 500 {
		return "a fault of the server"
	}
	return letIn
}
