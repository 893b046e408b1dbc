package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/people"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/postgres"
	"github.com/annals-io/annals/graphql/relay"
	"github.com/annals-io/annals/internal/pgtest"
	"github.com/annals-io/annals/vault"
)

// A soakPlace is a workspace whose every field holds its canary, and what there is to ask for in it.
type soakPlace struct {
	slug, organization, canary string
	ids                        []relay.ID
	cursors                    []string
	was                        string // of one that never was: the place it stands for
}

// never is a workspace that never was, of the same length, with the same keys in its ids.
func (p *soakPlace) never() *soakPlace {
	n := *p
	n.was, n.slug = p.slug, p.slug[:len(p.slug)-3]+"zzz"
	n.organization = p.organization[:len(p.organization)-3] + "zzz"
	return &n
}

// id is the global id of something in the place.
func (p *soakPlace) id(i int) string {
	id := p.ids[i%len(p.ids)]
	id.Slug = p.slug
	return id.String()
}

// renamed makes of an answer about what never was one about the place.
func (p *soakPlace) renamed(text string) string {
	n := p.never()
	pairs := []string{n.slug, p.slug, n.organization, p.organization}
	for i := range p.ids {
		pairs = append(pairs, n.id(i), p.id(i))
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// A soakPrincipal is who asks.
type soakPrincipal struct {
	name, key string
	sees      map[string]bool
}

// A soak is a server with places, and those who ask it.
type soak struct {
	url        string
	client     *http.Client
	schema     *ast.Schema
	routes     []route
	places     []*soakPlace
	rosters    map[string]string // canaries of organizations, by slug
	principals []*soakPrincipal
}

// request is one request.
type request struct {
	as           *soakPrincipal
	method, path string
	body, typ    string
}

func (h *soak) send(t testing.TB, r request) (status int, body string, header http.Header) {
	req, err := http.NewRequestWithContext(t.Context(), r.method, h.url+r.path, strings.NewReader(r.body))
	if err != nil {
		t.Errorf("%s %s: %v", r.method, r.path, err)
		return 599, "", http.Header{}
	}
	req.Header.Set("Authorization", "Bearer "+r.as.key)
	if r.typ != "" {
		req.Header.Set("Content-Type", r.typ)
	}
	resp, err := h.client.Do(req)
	if err != nil {
		t.Errorf("%s %s %s: %v", r.method, r.path, r.body, err)
		return 599, "", http.Header{}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Errorf("%s %s: %v", r.method, r.path, err)
	}
	return resp.StatusCode, string(text), resp.Header
}

// ask is a question that must be answered.
func (h *soak) ask(t testing.TB, as *soakPrincipal, query string) string {
	t.Helper()
	_, body, _ := h.send(t, request{as, "POST", "/graphql", string(rawJSON(map[string]string{"query": query})), "application/json"})
	if strings.Contains(body, `"errors"`) || strings.Contains(body, `"userErrors":[{`) {
		t.Fatalf("%s\n%s", query, body)
	}
	return body
}

// newSoak starts a server and fills it: people with personal and team organizations, three workspaces each, and for each
// workspace somebody who owns it, somebody who reads it, and keys that are bound to it.
func newSoak(t *testing.T) *soak {
	t.Helper()
	dir, database := pgtest.Dir(t), pgtest.URL(t)
	s := startServerIn(t, dir, database, func(stop func()) { t.Cleanup(stop) })
	h := &soak{url: s.URL, rosters: map[string]string{}, client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 2 * soakWorkers},
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
	d := newSoakDesk(t, dir, database)
	for i := range 3 {
		d.person(t, h, i)
	}
	for _, p := range h.places {
		h.fill(t, p)
	}
	stranger := access.Principal{SessionID: "soak", Scopes: []access.Scope{access.Admin}, Account: uuid.New(), Holder: domain.AccountGrantee}
	h.principals = append(h.principals, &soakPrincipal{"a stranger", d.key(t, stranger, access.Wish{Name: "stranger", Kind: access.Personal, Scopes: []access.Scope{access.Admin}}), map[string]bool{}})
	for _, p := range h.places {
		h.learn(t, p)
	}
	return h
}

// A soakDesk makes people, beside the server and in its database: each is somebody's first day.
type soakDesk struct {
	desk *people.Desk
	keys *access.Keys
}

func newSoakDesk(t *testing.T, dir, database string) *soakDesk {
	t.Helper()
	store, err := postgres.Open(t.Context(), database, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	sealer, err := vault.Open(filepath.Join(dir, "vault"))
	if err != nil {
		t.Fatal(err)
	}
	rights := access.NewRights(store, nil, firstOrganization)
	commands := eventstore.New(store, eventstore.Config{})
	t.Cleanup(func() { _ = commands.Close(context.Background()) })
	return &soakDesk{
		&people.Desk{Commands: rights.Watch(commands), Log: store, Lens: rights.Lens(), Rights: rights, Sealer: sealer, First: firstOrganization},
		access.NewKeys(store.Pool(), nil),
	}
}

func (d *soakDesk) key(t *testing.T, of access.Principal, w access.Wish) string {
	t.Helper()
	text, _, err := d.keys.Create(t.Context(), of, w)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// canaryOf is a word that is nowhere else; all are of one length.
func canaryOf(i int) string { return fmt.Sprintf("qzcanary%cx%cvqz", 'a'+i%26, 'a'+i/26) }

func (d *soakDesk) person(t *testing.T, h *soak, i int) {
	t.Helper()
	ctx, account := t.Context(), uuid.New()
	name := fmt.Sprintf("person-%c", 'a'+i)
	canary := func(k int) string { return canaryOf(3*i + k) }
	own, err := d.desk.EnsurePersonal(ctx, account, name)
	if err != nil {
		t.Fatal(err)
	}
	p := access.Principal{SessionID: "soak", Scopes: []access.Scope{access.Admin}, Account: account, Holder: domain.AccountGrantee, Organization: own.Slug, DefaultWorkspace: own.Workspace}
	roster := fmt.Sprintf("qzrosterx%cvqz", 'a'+i)
	team, err := d.desk.CreateOrganization(ctx, p, people.NewOrganization{Slug: domain.Slug("team-of-" + name), Name: "Team " + roster})
	if err != nil {
		t.Fatal(err)
	}
	d.roster(t, p, team.Slug, roster)
	h.rosters[string(team.Slug)] = roster
	more, err := d.desk.CreateWorkspace(ctx, p, people.NewWorkspace{
		Organization: team.Slug, Slug: domain.Slug("project-of-" + name), Name: "Project " + canary(2), Labels: map[string]string{"l" + canary(2): "v" + canary(2)}, Environment: domain.Environment("staging"),
	})
	if err != nil {
		t.Fatal(err)
	}
	robot, _, err := d.desk.CreateServiceAccount(ctx, p, people.NewServiceAccount{Organization: team.Slug, Name: "robot " + roster})
	if err != nil {
		t.Fatal(err)
	}
	grantee := domain.Grantee{Kind: domain.ServiceGrantee, ID: robot.String()}
	if _, err := d.desk.GrantRole(ctx, p, people.RoleChange{At: people.Place{Workspace: more.Slug}, Member: grantee, Role: domain.Viewer}); err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{roster: true}
	for k, slug := range []domain.Slug{own.Workspace, team.Workspace, more.Slug} {
		org := team.Slug
		if k == 0 {
			org = own.Slug
		}
		h.places = append(h.places, &soakPlace{slug: string(slug), organization: string(org), canary: canary(k)})
		all[string(slug)] = true
	}
	scopes := func(s ...access.Scope) []access.Scope { return s }
	add := func(name string, of access.Principal, w access.Wish, sees map[string]bool) {
		h.principals = append(h.principals, &soakPrincipal{name, d.key(t, of, w), sees})
	}
	add("the owner "+name, p, access.Wish{Name: "owner", Kind: access.Personal, Scopes: scopes(access.Admin)}, all)
	for k, scope := range []access.Scope{access.Admin, access.Read, access.IngestOnly} {
		slug := []domain.Slug{own.Workspace, team.Workspace, more.Slug}[k]
		sees := map[string]bool{string(slug): true, roster: k > 0} // who does what in a workspace is said by its organization
		add(fmt.Sprintf("a key (%s) bound to %s", scope, slug), p, access.Wish{Name: "key " + canary(k), Kind: access.Personal, Scopes: scopes(scope), Workspace: slug}, sees)
	}
	viewer := access.Principal{SessionID: "soak", Scopes: scopes(access.Admin), Account: robot, Holder: domain.ServiceGrantee, Organization: team.Slug, DefaultWorkspace: more.Slug}
	add("a viewer of "+string(more.Slug), viewer, access.Wish{Name: "robot", Kind: access.Service, Scopes: scopes(access.Write)}, map[string]bool{string(more.Slug): true, roster: true})
}

// roster fills what an organization holds besides its workspaces.
func (d *soakDesk) roster(t *testing.T, p access.Principal, org domain.Slug, canary string) {
	t.Helper()
	ctx, at, about := t.Context(), people.Place{Organization: org}, "about "+canary
	if _, err := d.desk.CreateTeam(ctx, p, people.NewTeam{Organization: org, Team: "t-" + canary, Title: "Team " + canary, Description: &about}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.desk.DefineRole(ctx, p, people.RoleDefinition{At: at, Name: "r-" + canary, Description: &about, Permissions: []domain.Permission{domain.ReadWorkspace}}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.desk.Invite(ctx, p, people.NewInvitation{At: at, Roles: []domain.RoleRef{domain.Member}, Invited: "invited " + canary}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.desk.DescribeOrganization(ctx, p, people.OrganizationChange{Organization: org, Description: &about}); err != nil {
		t.Fatal(err)
	}
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
	status, body, _ := h.send(t, request{o, "POST", "/v1/workspaces/" + p.slug + "/events", fmt.Sprintf(soakEvents, p.canary), "application/x-ndjson"})
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
	if status, body, _ := h.send(t, request{o, "POST", "/workspaces/" + p.slug + "/api/v1/lineage", lineage, "application/json"}); status >= 300 {
		t.Fatalf("%s takes OpenLineage with %d %s", p.slug, status, body)
	}
	for _, m := range []string{
		`describeWorkspace(input: {workspace: %[2]q, description: "described %[1]s"})`,
		`labelWorkspace(input: {workspace: %[2]q, set: [{key: "label-%[1]s", value: "of-%[1]s"}]})`,
		`registerPipeline(input: {workspace: %[2]q, name: "bare-%[1]s", description: "first %[1]s", tags: [{key: "tag-%[1]s", value: "of-%[1]s"}]})`,
		`describePipeline(input: {workspace: %[2]q, pipeline: "bare-%[1]s", description: "about %[1]s"})`,
	} {
		h.ask(t, o, "mutation { it: "+fmt.Sprintf(m, p.canary, p.slug)+" { revision userErrors { message path } } }")
	}
	at := fmt.Sprintf(`{ workspace(slug: %q, atLeast: %d, timeoutMs: 10000) { slug description labels { key value } } }`, p.slug, sum.Revision+5)
	if got := h.ask(t, o, at); !strings.Contains(got, "of-"+p.canary) {
		t.Fatalf("%s is %s", p.slug, got)
	}
}

// learn finds out which ids and cursors there are in a place, as its owner is answered.
func (h *soak) learn(t *testing.T, p *soakPlace) {
	t.Helper()
	const everything = `{ workspace(slug: %q) { id
		runs(first: 5) { nodes { id steps(first: 5) { nodes { id } } } edges { cursor } pageInfo { endCursor } }
		pipelines(first: 5) { nodes { id } edges { cursor } }
		artifacts(first: 10) { nodes { id versions(first: 5) { nodes { id } edges { cursor } } } edges { cursor } } } }`
	var v any
	decode(t, h.ask(t, h.owner(p), fmt.Sprintf(everything, p.slug)), &v)
	var walk func(key string, v any)
	walk = func(key string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, x := range v {
				walk(k, x)
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
}

// A route is an operation of plain HTTP.
type route struct{ method, path string }

// routesOf are those of the server's own document, but for the ones that never end or that sign somebody in.
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
			if known && !strings.HasPrefix(path, "/login") && !strings.HasPrefix(path, "/oauth") && !strings.Contains(path, "/slugs") && path != "/graphql" {
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
