package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/annals-io/annals/graphql/relay"
	"github.com/annals-io/annals/internal/pgtest"
)

// A soakPlace is a workspace whose every field holds its canary, and what there is to ask for in it.
type soakPlace struct {
	slug, organization, canary string
	roster                     string // the canary of the organization
	ids                        []relay.ID
	cursors                    []string
	project                    bool              // neither the first of a person nor of a team
	words                      []string          // the ids as they are written
	ghost                      *soakPlace        // what never was, in its stead
	renames                    *strings.Replacer // of the ghost's names
}

// never is a workspace that never was, of the same length, with the same keys in its ids.
func (p *soakPlace) never() *soakPlace { return p.ghost }

// known ends what is learnt of a place: from here on it and what stands for it are the same for every request.
func (p *soakPlace) known() {
	n := *p
	n.slug, n.organization = p.slug[:len(p.slug)-3]+"zzz", p.organization[:len(p.organization)-3]+"zzz"
	pairs := []string{n.slug, p.slug, n.organization, p.organization}
	for _, of := range []*soakPlace{p, &n} {
		of.words = make([]string, len(p.ids))
		for i, id := range p.ids {
			id.Slug = of.slug
			of.words[i] = id.String()
		}
	}
	for i := range p.words {
		pairs = append(pairs, n.words[i], p.words[i])
	}
	p.ghost, p.renames = &n, strings.NewReplacer(pairs...)
}

// id is the global id of something in the place.
func (p *soakPlace) id(i int) string { return p.words[i%len(p.words)] }

// renamed makes of an answer about what never was one about the place.
func (p *soakPlace) renamed(text string) string { return p.renames.Replace(text) }

// A soakPrincipal is who asks, by a header: a key's, or the cookie of a session.
type soakPrincipal struct {
	name          string
	header, value string
	sees          map[string]bool // slugs of workspaces, and canaries of rosters
	foreign       []string        // canaries of what they do not see
	knows         string          // the slug of a workspace that is there for them, though they see nothing of it
}

// A soak is a server with places, and those who ask it.
type soak struct {
	url        string
	log        *buffer // of the server
	client     *http.Client
	schema     *ast.Schema
	routes     []route
	places     []*soakPlace
	rosters    map[string]string // canaries of organizations, by slug
	principals []*soakPrincipal
	clerk      *soakPrincipal // views the first team's organization alone, and takes no part in the soak
	reads      bool           // nothing is asked for but to look
}

// newSoak starts a server on a database and fills it: people with personal and team organizations, three workspaces each,
// and for each workspace those who may do something there, each by a credential of another kind.
func newSoak(t *testing.T, database string) *soak {
	t.Helper()
	dir := pgtest.Dir(t)
	s := startServerIn(t, dir, database, func(stop func()) { t.Cleanup(stop) })
	h := &soak{url: s.URL, log: s.Log, rosters: map[string]string{}, client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 2 * soakWorkers},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	root, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	sdl, err := os.ReadFile(filepath.Join(root, "schema", "graphql", "snapshot.graphql"))
	if err != nil {
		t.Fatal(err)
	}
	if h.schema, err = gqlparser.LoadSchema(&ast.Source{Name: "snapshot.graphql", Input: string(sdl)}); err != nil {
		t.Fatal(err)
	}
	h.routes = routesOf(t, s)
	d := newSoakDesk(t, s, database)
	for i := range 3 {
		d.person(t, h, i)
	}
	for _, p := range h.places {
		h.fill(t, p)
	}
	for _, p := range h.places {
		h.learn(t, p)
	}
	for _, p := range h.places {
		if p.project {
			h.principals = append(h.principals, d.token(t, h, p))
		}
	}
	for _, as := range append(slices.Clone(h.principals), h.clerk) {
		h.blindfold(as)
	}
	return h
}

// blindfold finds what somebody may not see.
func (h *soak) blindfold(as *soakPrincipal) {
	for _, p := range h.places {
		if !as.sees[p.slug] {
			as.foreign = append(as.foreign, p.canary)
		}
	}
	for _, canary := range h.rosters {
		if !as.sees[canary] {
			as.foreign = append(as.foreign, canary)
		}
	}
}

// leaks are the canaries in a text that somebody may not see.
func (as *soakPrincipal) leaks(text string) (out []string) {
	if !strings.Contains(text, "qz") { // with which all of them begin
		return nil
	}
	for _, canary := range as.foreign {
		if strings.Contains(text, canary) {
			out = append(out, canary)
		}
	}
	return out
}

// owner is who fills a place.
func (h *soak) owner(p *soakPlace) *soakPrincipal {
	for _, o := range h.principals {
		if len(o.sees) > 3 && o.sees[p.slug] {
			return o
		}
	}
	return nil
}

// soakEvents are native events in which every text that may be any text holds the canary %[1]s.
const soakEvents = `{"id":"e1-%[1]s","run":"run-%[1]s","pipeline":{"namespace":"ns-%[1]s","name":"train-%[1]s"},"at":"2026-03-01T12:00:00Z","body":{"type":"runStarted","name":"training %[1]s","parameters":[{"name":"lr","value":0.1},{"name":"p%[1]s","value":"v%[1]s"}],"tags":[{"key":"t%[1]s","value":"v%[1]s"}]}}
{"id":"e2-%[1]s","run":"run-%[1]s","pipeline":{"namespace":"ns-%[1]s","name":"train-%[1]s"},"at":"2026-03-01T12:00:01Z","body":{"type":"stepStarted","step":"step-%[1]s"}}
{"id":"e3-%[1]s","run":"run-%[1]s","pipeline":{"namespace":"ns-%[1]s","name":"train-%[1]s"},"at":"2026-03-01T12:00:02Z","body":{"type":"artifactsConsumed","step":"step-%[1]s","artifacts":[{"artifact":{"namespace":"ns-%[1]s","name":"raw-%[1]s"},"version":"v1-%[1]s","role":"in-%[1]s"}]}}
{"id":"e4-%[1]s","run":"run-%[1]s","pipeline":{"namespace":"ns-%[1]s","name":"train-%[1]s"},"at":"2026-03-01T12:00:05Z","body":{"type":"artifactsProduced","step":"step-%[1]s","artifacts":[{"artifact":{"namespace":"ns-%[1]s","name":"out-%[1]s"},"version":"v2-%[1]s","role":"out-%[1]s","type":"dataset","uri":"s3://%[1]s/x","fields":[{"name":"f%[1]s","type":"double"}]}]}}
{"id":"e5-%[1]s","run":"run-%[1]s","pipeline":{"namespace":"ns-%[1]s","name":"train-%[1]s"},"at":"2026-03-01T12:00:06Z","body":{"type":"stepCompleted","step":"step-%[1]s","metadata":[{"name":"m%[1]s","value":"v%[1]s"}]}}
{"id":"e6-%[1]s","run":"run-%[1]s","pipeline":{"namespace":"ns-%[1]s","name":"train-%[1]s"},"at":"2026-03-01T12:01:00Z","body":{"type":"metricsLogged","points":[{"name":"rmse-%[1]s","value":0.51,"step":0}]}}
{"id":"e7-%[1]s","run":"run-%[1]s","pipeline":{"namespace":"ns-%[1]s","name":"train-%[1]s"},"at":"2026-03-01T12:02:02Z","body":{"type":"runFailed","failure":{"type":"E%[1]s","message":"failed %[1]s","stack":"at %[1]s"}}}
{"id":"e8-%[1]s","run":"run2-%[1]s","pipeline":{"namespace":"ns-%[1]s","name":"train-%[1]s"},"at":"2026-03-02T12:00:00Z","body":{"type":"runStarted","name":"second %[1]s"}}
{"id":"e9-%[1]s","run":"run2-%[1]s","pipeline":{"namespace":"ns-%[1]s","name":"train-%[1]s"},"at":"2026-03-02T12:00:02Z","body":{"type":"artifactsConsumed","artifacts":[{"artifact":{"namespace":"ns-%[1]s","name":"out-%[1]s"},"version":"v2-%[1]s"}]}}
`

// fill writes what a place holds, by the doors that everybody has.
func (h *soak) fill(t *testing.T, p *soakPlace) {
	t.Helper()
	o := h.owner(p)
	status, body, _ := h.send(t, request{as: o, method: "POST", path: "/v1/workspaces/" + p.slug + "/events", body: fmt.Sprintf(soakEvents, p.canary), typ: "application/x-ndjson"})
	var sum struct {
		Rejected int
		Revision int64
	}
	decode(t, body, &sum)
	if status != 200 || sum.Rejected > 0 {
		t.Fatalf("%s is filled with %d %s", p.slug, status, body)
	}
	lineage := fmt.Sprintf(`{"eventType":"COMPLETE","eventTime":"2026-03-03T12:00:00Z","producer":"https://%[1]s.example/","schemaURL":"https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
"run":{"runId":"01890000-0000-7000-8000-0000000000%02[2]x"},"job":{"namespace":"ol-%[1]s","name":"job-%[1]s","facets":{"sql":{"_producer":"https://%[1]s.example/","_schemaURL":"https://openlineage.io/spec/facets/1-0-0/SQLJobFacet.json","query":"select '%[1]s'"},"documentation":{"_producer":"https://%[1]s.example/","_schemaURL":"https://openlineage.io/spec/facets/1-0-0/DocumentationJobFacet.json","description":"about %[1]s"}}},
"inputs":[{"namespace":"ns-%[1]s","name":"out-%[1]s"}],"outputs":[{"namespace":"ol-%[1]s","name":"table-%[1]s"}]}`, p.canary, len(p.slug))
	if status, body, _ := h.send(t, request{as: o, method: "POST", path: "/workspaces/" + p.slug + "/api/v1/lineage", body: lineage, typ: "application/json"}); status >= 300 {
		t.Fatalf("%s takes OpenLineage with %d %s", p.slug, status, body)
	}
	for _, m := range []string{
		`describeWorkspace(input: {workspace: %[2]q, description: "described %[1]s"})`,
		`labelWorkspace(input: {workspace: %[2]q, set: [{key: "label-%[1]s", value: "of-%[1]s"}]})`,
		`registerPipeline(input: {workspace: %[2]q, name: "bare-%[1]s", description: "first %[1]s", tags: [{key: "tag-%[1]s", value: "of-%[1]s"}]})`,
		`registerPipelineVersion(input: {workspace: %[2]q, pipeline: {name: "bare-%[1]s"}, label: "l-%[1]s", steps: [{name: "s1-%[1]s"}, {name: "s2-%[1]s"}], edges: [{from: "s1-%[1]s", to: "s2-%[1]s"}], source: "source of %[1]s"})`,
		`describeArtifact(input: {workspace: %[2]q, artifact: "ns-%[1]s/raw-%[1]s", description: "about %[1]s"})`,
		`tagArtifact(input: {workspace: %[2]q, artifact: "ns-%[1]s/raw-%[1]s", set: [{key: "tag-%[1]s", value: "of-%[1]s"}]})`,
		`aliasArtifact(input: {workspace: %[2]q, artifact: "ns-%[1]s/raw-%[1]s", alias: {namespace: "alias-%[1]s", name: "raw-%[1]s"}, type: "t-%[1]s"})`,
		`describePipeline(input: {workspace: %[2]q, pipeline: "bare-%[1]s", description: "about %[1]s"})`,
	} {
		h.ask(t, o, "mutation { it: "+fmt.Sprintf(m, p.canary, p.slug)+" { revision userErrors { message path } } }")
	}
	at := fmt.Sprintf(`{ workspace(slug: %q, atLeast: %d, timeoutMs: 10000) { slug description labels { key value } } }`, p.slug, sum.Revision+9)
	if got := h.ask(t, o, at); !strings.Contains(got, "of-"+p.canary) {
		t.Fatalf("%s is %s", p.slug, got)
	}
}

// learn finds out which ids and cursors there are in a place, as its owner is answered.
func (h *soak) learn(t *testing.T, p *soakPlace) {
	t.Helper()
	const everything = `{ workspace(slug: %[1]q) { id
		runs(first: 5) { nodes { id steps(first: 5) { nodes { id } } } edges { cursor } pageInfo { endCursor } }
		pipelines(first: 5) { nodes { id } edges { cursor } }
		artifacts(first: 10) { nodes { id versions(first: 5) { nodes { id } edges { cursor } } } edges { cursor } }
		used: artifactVersion(id: "ns-%[2]s/out-%[2]s@v2-%[2]s") { artifact { id } id } } }`
	var v any
	decode(t, h.ask(t, h.owner(p), fmt.Sprintf(everything, p.slug, p.canary)), &v)
	var walk func(key string, v any)
	walk = func(key string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, k := range slices.Sorted(maps.Keys(v)) { // the order is part of what the seed means
				walk(k, v[k])
			}
		case []any:
			for _, x := range v {
				walk(key, x)
			}
		case string:
			if id, err := relay.ParseID(v); key == "id" && err == nil {
				p.ids = append(p.ids, id)
			}
			if strings.HasSuffix(strings.ToLower(key), "cursor") {
				p.cursors = append(p.cursors, v)
			}
		}
	}
	walk("", v)
	if len(p.ids) < 8 || len(p.cursors) < 4 {
		t.Fatalf("%s has %d ids and %d cursors", p.slug, len(p.ids), len(p.cursors))
	}
	p.known()
}

// A route is an operation of plain HTTP.
type route struct{ method, path string }

// routesOf are those of the server's own document, but for those that sign somebody in or out.
func routesOf(t *testing.T, s *testServer) (out []route) {
	t.Helper()
	_, body, _ := s.call(t, "GET", "/openapi.json", s.Key, "")
	var doc struct {
		Paths map[string]map[string]json.RawMessage
	}
	decode(t, body, &doc)
	for path, methods := range doc.Paths {
		for method := range methods {
			method = strings.ToUpper(method)
			known := method == "GET" || method == "POST" || method == "PATCH" || method == "DELETE" || method == "PUT"
			if known && !strings.HasPrefix(path, "/login") && path != "/logout" && path != "/v1/sessions" && !strings.HasPrefix(path, "/oauth") && !strings.Contains(path, "/slugs") && path != "/graphql" {
				out = append(out, route{method, path})
			}
		}
	}
	slices.SortFunc(out, func(a, b route) int {
		return cmp.Or(strings.Compare(a.path, b.path), strings.Compare(a.method, b.method))
	})
	if len(out) < 15 {
		t.Fatalf("only %d routes", len(out))
	}
	return out
}
