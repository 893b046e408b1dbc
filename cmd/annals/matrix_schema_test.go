package main

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// A matrixSchema is what the server says of its own schema.
type matrixSchema struct {
	types map[string]matrixType
}

type matrixType struct {
	Kind, Name    string
	Fields        []matrixField
	InputFields   []matrixValue
	EnumValues    []struct{ Name string }
	PossibleTypes []struct{ Name string }
}

type matrixField struct {
	Name string
	Args []matrixValue
	Type matrixTypeRef
}

type matrixValue struct {
	Name         string
	DefaultValue *string
	Type         matrixTypeRef
}

type matrixTypeRef struct {
	Kind, Name string
	OfType     *matrixTypeRef
}

func (r matrixTypeRef) String() string {
	switch r.Kind {
	case "NON_NULL":
		return r.OfType.String() + "!"
	case "LIST":
		return "[" + r.OfType.String() + "]"
	}
	return r.Name
}

func (r matrixTypeRef) named() string {
	if r.OfType != nil {
		return r.OfType.named()
	}
	return r.Name
}

const matrixIntrospection = `{ __schema { types { kind name
  fields { name args { name defaultValue type { ...ref } } type { ...ref } } inputFields { name defaultValue type { ...ref } } enumValues { name } possibleTypes { name } } } }
fragment ref on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } }`

func schemaOf(t *testing.T, s *testServer) matrixSchema {
	t.Helper()
	_, answer, _ := s.call(t, "POST", "/graphql", s.Key, string(rawJSON(map[string]string{"query": matrixIntrospection})), "Content-Type", "application/json")
	var got struct {
		Data struct {
			Schema struct{ Types []matrixType } `json:"__schema"`
		}
	}
	decode(t, answer, &got)
	m := matrixSchema{types: map[string]matrixType{}}
	for _, typ := range got.Data.Schema.Types {
		if !strings.HasPrefix(typ.Name, "__") {
			m.types[typ.Name] = typ
		}
	}
	if len(m.types["Query"].Fields) == 0 {
		t.Fatalf("the schema has no Query: %.300s", answer)
	}
	return m
}

// value makes something up for an argument: what its name means, else anything of its type.
func (m matrixSchema) value(path string, v matrixValue, slug string, set map[string]any) any {
	if given, ok := set[path]; ok {
		return filled(given, slug)
	}
	switch v.Name {
	case "workspace", "slug":
		return slug
	case "organization":
		return theirs[slug]
	case "member", "grantee":
		return "account:00000000-0000-4000-8000-0000000000aa"
	case "role":
		return "viewer"
	case "roles":
		return []any{"viewer"}
	case "invitation", "account":
		return "00000000-0000-4000-8000-0000000000aa"
	case "permission":
		return "workspace:read"
	}
	return m.ofType(path, v.Type, slug, set)
}

func (m matrixSchema) ofType(path string, r matrixTypeRef, slug string, set map[string]any) any {
	switch r.Kind {
	case "NON_NULL":
		return m.ofType(path, *r.OfType, slug, set)
	case "LIST":
		return []any{m.ofType(path, *r.OfType, slug, set)}
	case "ENUM":
		return m.types[r.Name].EnumValues[0].Name
	case "INPUT_OBJECT":
		out := map[string]any{}
		for _, f := range m.types[r.Name].InputFields {
			at := path + "." + f.Name
			_, given := set[at]
			if given || f.Type.Kind == "NON_NULL" && f.DefaultValue == nil {
				out[f.Name] = m.value(at, f, slug, set)
			}
		}
		return out
	}
	switch r.Name {
	case "Int", "Float":
		return 1
	case "Int64":
		return "1"
	case "Boolean":
		return true
	case "DateTime":
		return "2026-01-01T00:00:00Z"
	case "JSON":
		return map[string]any{}
	}
	return "x1"
}

// document is the smallest question that asks a root field about a workspace.
func (m matrixSchema) document(kind string, f matrixField, row matrixRow, slug string) (string, map[string]any) {
	variables := map[string]any{}
	var declared, passed []string
	for _, a := range f.Args {
		_, given := row.args[a.Name]
		about := a.Name == "workspace" && row.place == inWorkspace || a.Name == "organization" && row.place == inOrganization || a.Name == "slug" && row.place != ofAnybody
		if !given && !about && !(a.Type.Kind == "NON_NULL" && a.DefaultValue == nil) {
			continue
		}
		variables[a.Name] = m.value(a.Name, a, slug, row.args)
		declared = append(declared, "$"+a.Name+": "+a.Type.String())
		passed = append(passed, a.Name+": $"+a.Name)
	}
	b := strings.ToLower(kind)
	if len(declared) > 0 {
		b += "(" + strings.Join(declared, ", ") + ")"
	}
	b += " { it: " + f.Name
	if len(passed) > 0 {
		b += "(" + strings.Join(passed, ", ") + ")"
	}
	switch t := m.types[f.Type.named()]; {
	case kind == "Mutation":
		b += " { userErrors { __typename code message path } revision }"
	case t.Kind == "OBJECT" || t.Kind == "INTERFACE" || t.Kind == "UNION":
		b += " { __typename }"
	}
	return b + " }", variables
}

// asks sends one question of GraphQL. Of a subscription only the first message is read.
func (w *matrixWorld) asks(t *testing.T, a *actor, kind, document string, variables map[string]any) matrixAnswer {
	t.Helper()
	if kind == "Subscription" {
		return w.subscribes(t, a, document, variables)
	}
	status, body, header := w.as(t, a, "POST", "/graphql", string(rawJSON(map[string]any{"query": document, "variables": variables})), "Content-Type", "application/json")
	return matrixAnswer{status, body, told(header)}
}

// as sends a request as an actor: by their key, or as a page does in which they are signed in.
func (w *matrixWorld) as(t *testing.T, a *actor, method, path, body string, header ...string) (int, string, http.Header) {
	t.Helper()
	if a.browser {
		return w.call(t, method, path, "", body, append(header, "Cookie", a.key, "Origin", w.URL)...)
	}
	return w.call(t, method, path, a.key, body, header...)
}

func (w *matrixWorld) subscribes(t *testing.T, a *actor, document string, variables map[string]any) matrixAnswer {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	q := url.Values{"query": {document}, "variables": {string(rawJSON(variables))}}
	req, err := http.NewRequestWithContext(ctx, "GET", w.URL+"/graphql?"+q.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	switch {
	case a.browser:
		req.Header.Set("Cookie", a.key)
	case a.key != "":
		req.Header.Set("Authorization", "Bearer "+a.key)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body strings.Builder
	buf := make([]byte, 64<<10)
	for !strings.Contains(body.String(), "\ndata:") && !strings.HasPrefix(body.String(), "{") {
		n, err := resp.Body.Read(buf)
		body.Write(buf[:n])
		if err != nil {
			break
		}
	}
	text := body.String()
	if _, data, ok := strings.Cut(text, "\ndata:"); ok && resp.StatusCode == 200 {
		text, _, _ = strings.Cut(data, "\n")
	}
	return matrixAnswer{resp.StatusCode, strings.TrimSpace(text), told(resp.Header)}
}
