package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// value is a literal for something of a name and type.
func (g *generator) value(name string, t *ast.Type, depth int) string {
	if t.Elem != nil {
		var list []string
		for range 1 + g.rng.IntN(2) {
			list = append(list, g.value(name, t.Elem, depth+1))
		}
		return "[" + strings.Join(list, ", ") + "]"
	}
	def := g.schema.Types[t.NamedType]
	switch def.Kind {
	case ast.Enum:
		return def.EnumValues[g.rng.IntN(len(def.EnumValues))].Name
	case ast.InputObject:
		return g.input(def, depth)
	}
	switch t.NamedType {
	case "ID":
		return quoted(g.word())
	case "Int":
		return g.one("0", "1", "2", "5")
	case "Int64":
		return g.one("0", "1", "3", "8", "100000")
	case "Float":
		return g.one("0", "0.5", "-1")
	case "Boolean":
		return g.one("true", "false")
	case "Time", "DateTime", "Timestamp":
		return quoted(g.one("2026-03-01T12:00:00Z", "2020-01-01T00:00:00Z", "2026-06-01T00:00:00Z"))
	case "String":
		return quoted(g.text(name))
	}
	return quoted(g.one("x", "2026-03-01T12:00:00Z", "1"))
}

// made are the inputs of what makes places. They get names that nothing else has: whoever made an organization of the name
// that stands for a missing one, or for another's workspace, would see it, and rightly.
var made = map[string]bool{"CreateOrganizationInput": true, "CreateWorkspaceInput": true}

func (g *generator) input(def *ast.Definition, depth int) string {
	var parts []string
	oneOf := def.Directives.ForName("oneOf") != nil
	chosen := -1
	if oneOf {
		chosen = g.rng.IntN(len(def.Fields))
	}
	for i, f := range def.Fields {
		if f.Name == "atLeast" || f.Name == "timeoutMs" {
			continue
		}
		if oneOf && i != chosen || !oneOf && !f.Type.NonNull && (depth > 3 || g.rng.IntN(4) > 0) {
			continue
		}
		if made[def.Name] && (f.Name == "slug" || f.Name == "name") {
			parts = append(parts, fmt.Sprintf(`%s: "made-%08x"`, f.Name, g.rng.Uint32()))
			continue
		}
		parts = append(parts, f.Name+": "+g.value(f.Name, f.Type, depth+1))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// noText is what no table holds: whatever is asked for by it is not there, and no failure.
const noText = "a\x00b"

// word is what means a thing: mostly the id of one.
func (g *generator) word() string {
	p := g.place()
	switch n := g.rng.IntN(20); {
	case n < 15:
		return p.id(g.rng.IntN(1 << 20))
	case n == 15:
		return noText
	}
	with := g.one(p.canary, "x")
	if g.writes {
		with = "x"
	}
	return g.one("train-", "run-", "out-", "bare-", "ns-") + with
}

func (g *generator) text(name string) string {
	p := g.place()
	if name == "slug" && g.root == "organization" {
		return p.organization
	}
	switch name {
	case "slug", "workspace", "to", "from", "confirmSlug", "confirm":
		if g.rng.IntN(30) == 0 {
			return p.slug + noText
		}
		return p.slug
	case "organization":
		return p.organization
	case "after", "before":
		return p.cursors[g.rng.IntN(len(p.cursors))]
	case "where":
		return g.one("status = failed", "params.lr > 0", "id = x", "text contains train")
	}
	switch g.rng.IntN(6) {
	case 0:
		return g.word()
	case 1:
		return p.slug
	}
	return g.one("x", "train", "run", "2026-03-01T12:00:00Z", "a b", noText)
}

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// followed is the route of plain HTTP that goes on with what happens.
const followed = "/v1/workspaces/{slug}/replay"

// readByTheServer are the routes that show what the server's own role reads, before which no second wall stands: whole
// histories, and the lists of keys.
var readByTheServer = map[string]bool{"/v1/workspaces/{slug}/history": true, followed: true, "/v1/keys": true, "/v1/keys/{id}": true}

// plain is an operation of the server's document.
func (g *generator) plain() request {
	r := g.routes[g.rng.IntN(len(g.routes))]
	for g.reads && (r.method != "GET" || readByTheServer[r.path]) {
		r = g.routes[g.rng.IntN(len(g.routes))]
	}
	path := r.path
	g.writes = r.method != "GET"
	aimed := strings.Contains(path, "{")
	for {
		before, rest, ok := strings.Cut(path, "{")
		if !ok {
			break
		}
		name, after, _ := strings.Cut(rest, "}")
		with := g.word()
		switch name {
		case "slug", "workspace", "tenant":
			if with = g.place().slug; g.rng.IntN(20) == 0 {
				with += noText
			}
		case "org", "organization":
			with = g.place().organization
		}
		path = before + strings.NewReplacer("/", "%2F", "=", "%3D", "\x00", "%00").Replace(with) + after
	}
	if r.method == "GET" && g.rng.IntN(2) == 0 {
		path += "?" + g.one("limit=2", "revision=3", "asOf=2026-03-02T00:00:00Z", "after="+g.place().cursors[0], "workspace="+g.place().slug)
	}
	g.comparable = aimed
	out := request{as: g.as, method: r.method, path: path}
	if r.path == followed && !strings.Contains(path, "?") {
		out.path, out.how = path+"?follow=true", byLines
	}
	if r.method != "GET" {
		out.typ = "application/json"
		out.body = g.one(`{}`, `{"name":"x"}`, `{"confirm":"`+g.place().slug+`"}`, `{"reason":"x"}`, `{"workspace":"`+g.place().slug+`"}`)
	}
	return out
}

// ingest sends events to a workspace that may be anybody's, about what may be anybody's.
func (g *generator) ingest() request {
	p := g.place()
	g.writes = true
	event := fmt.Sprintf(`{"id":"soak-%d","run":%s,"pipeline":{"name":%s},"at":"2026-03-05T12:00:00Z","body":{"type":"runStarted"}}`,
		g.rng.IntN(1<<30), quoted(g.word()), quoted(g.word()))
	path := g.one("/v1/workspaces/"+p.slug+"/events", "/workspaces/"+p.slug+"/api/v1/lineage", "/workspaces/"+p.slug+"/api/v1/lineage/batch")
	if strings.Contains(path, "lineage") {
		event = fmt.Sprintf(`{"eventType":"START","eventTime":"2026-03-05T12:00:00Z","producer":"https://x/","schemaURL":"https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent","run":{"runId":"01890000-0000-7000-8000-%012x"},"job":{"namespace":"n","name":%s}}`,
			g.rng.IntN(1<<40), quoted(g.word()))
		if strings.HasSuffix(path, "batch") {
			event = "[" + event + "]"
		}
	}
	return request{as: g.as, method: "POST", path: path, body: event, typ: "application/json"}
}
