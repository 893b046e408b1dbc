package graphql_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/graphql/limit"
	"github.com/annals-io/annals/graphql/relay"
	"github.com/annals-io/annals/projections"
)

// A twin is a second house. What happened in the first one happens in it anew, from the events as they are stored, and only
// up to where it is told to follow: a store that stopped there.
type twin struct {
	*house
	after eventstore.Position
}

// follow brings the twin to where the other house is.
func (w *twin) follow(of *house) {
	w.t.Helper()
	last := map[domain.Stream]domain.Revision{}
	for more := true; more; {
		page, err := of.store.ReadAll(w.t.Context(), w.after, 500)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, e := range page.Events {
			slice := eventstore.Slice{Stream: e.Stream, Expected: eventstore.Expected(e.Revision - 1), Events: []eventstore.NewEvent{{Envelope: e.Envelope, Event: e.Event, Data: e.Data}}}
			var digests []domain.Digest
			for _, text := range domain.Texts(e.Event) {
				digests = append(digests, text.Evidence)
			}
			if e.Meta.Evidence != nil {
				digests = append(digests, *e.Meta.Evidence)
			}
			bodies, err := of.store.Evidence(w.t.Context(), e.Stream, digests)
			if err != nil {
				w.t.Fatal(err)
			}
			for digest, body := range bodies {
				slice.Evidence = append(slice.Evidence, eventstore.Evidence{Digest: digest, Bytes: body})
			}
			results, err := w.store.Append(w.t.Context(), []eventstore.Slice{slice})
			if err != nil || results[0].Err != nil {
				w.t.Fatalf("event %d of %s again: %v %v", e.Revision, e.Stream, err, results)
			}
			last[e.Stream] = e.Revision
		}
		w.after, more = page.Next, !page.CaughtUp
	}
	of.gone.Range(func(digest, _ any) bool {
		w.gone.Store(digest, true)
		return true
	})
	for stream, n := range last {
		if slug, ok := stream.Workspace(); ok {
			w.await(slug, n)
		} else if slug, ok := strings.CutPrefix(string(stream), "organization-"); ok {
			w.await(projections.OrganizationScope(domain.Slug(slug)), n)
		}
	}
}

// mostPasts is how many histories are drawn, where none fails: of each some thousand fields are asked twice.
const mostPasts = 40

// Whatever comes later, every query answers as of a moment what a store answers that stopped at that moment: each field of
// each type that a query reaches, by documents that are made from the schema. What was erased since is erased at every
// moment.
func TestEveryAnswerIsThatOfAStoreThatStoppedThere(t *testing.T) {
	t.Parallel()
	limits := limit.Limits{Tokens: 100_000, Selections: 50_000, Fields: 1_000_000, Depth: 50, Aliases: 50_000, RootFields: 100, Complexity: 1 << 40, Timeout: time.Minute}
	h, w := newHouse(t, limits), &twin{house: emptyHouse(t, limits)}
	h.must(acme, domain.CreateOrganization{Slug: "personal", Name: "Acme", Owner: ann})
	h.must(acme, domain.DefineRole{At: place, Name: "releaser", Permissions: []domain.Permission{domain.ReadWorkspace}, By: everything})
	h.must(acme, domain.CreateTeam{At: place, Team: "core", Title: "Core team", By: everything})
	h.must(acme, domain.MoveTeamMember{At: place, Team: "core", Member: domain.Person(bob), By: everything})
	h.must(acme, domain.CreateServiceAccount{At: place, Account: uuid.MustParse(nightly.ID), Name: "nightly", By: everything})
	round, failed := 0, false
	rapid.Check(t, func(rt *rapid.T) {
		if round++; round > mostPasts && !failed {
			return
		}
		defer func() { failed = failed || rt.Failed() }()
		p := &past{house: h, rt: rt, slug: fmt.Sprint("past-", round), when: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}
		h.do("createWorkspace", fmt.Sprintf(`slug: "%s", organization: "personal"`, p.slug), "")
		p.record(domain.ArtifactsProduced{Execution: domain.Execution{Run: domain.RunRef{ID: "n"}}, Phase: domain.Started, Outputs: []domain.IO{{Artifact: domain.Name{Namespace: "db", Name: "root"}, From: []domain.Name{{Namespace: "db", Name: "x"}}}}})
		if rapid.Bool().Draw(rt, "described") {
			p.do("describeWorkspace", fmt.Sprintf(`workspace: "%s", description: "%s"`, p.slug, p.private()), "")
		}
		count := rapid.IntRange(2, 14).Draw(rt, "events")
		look := rapid.IntRange(0, count-1).Draw(rt, "moment")
		var at time.Time
		for i := range count {
			p.happens()
			if i == look {
				at = pastNow()
				w.follow(h)
			}
		}
		gone := ""
		if rapid.Bool().Draw(rt, "erased") {
			p.erase()
			gone = p.private()
		}
		ask := func(of *house, document, asOf string) answer {
			a := of.as("owner", strings.NewReplacer("{AT}", asOf).Replace(document), nil)
			if a.Data == nil || len(a.Errors) > 0 {
				rt.Fatalf("as of %s: %v\n%s", asOf, a.Errors, document)
			}
			return a
		}
		moment := fmt.Sprintf(`{time: "%s"}`, at.Format(time.RFC3339Nano))
		q, byRevision := p.questions(w), rapid.Bool().Draw(rt, "by revision")
		for _, document := range []string{q.inner, q.outer, q.things} {
			was := ask(w.house, document, "null")
			m := moment
			if document == q.inner && byRevision {
				m = fmt.Sprintf(`{revision: %s}`, was.at("workspace.asOf.revision"))
			}
			if differ := differing("", timeless(was.Data), timeless(ask(h, document, m).Data), gone); differ != "" {
				rt.Fatalf("of %s as of %s: %s", p.slug, m, differ)
			}
		}
	})
}

// pastNow is the present, which is past when it is answered: whatever is recorded later has a later time, in microseconds.
func pastNow() time.Time {
	now := time.Now().UTC().Truncate(time.Microsecond)
	for !time.Now().UTC().Truncate(time.Microsecond).After(now) {
	}
	return now
}

// erase destroys the private texts of the workspace, whenever they were said.
func (p *past) erase() {
	ctx, stream := p.t.Context(), domain.WorkspaceStream(domain.Slug(p.slug))
	page, err := p.store.ReadStream(ctx, stream, 0, eventstore.Forward, 1000)
	if err != nil {
		p.rt.Fatal(err)
	}
	erased := domain.SubjectErased{Erasure: uuid.New(), Kind: domain.KindWorkspace, ID: domain.WorkspaceEntity().ID}
	for _, e := range page.Events {
		for _, text := range domain.Texts(e.Event) {
			bodies, err := p.store.Evidence(ctx, stream, []domain.Digest{text.Evidence})
			if err != nil {
				p.rt.Fatal(err)
			}
			if strings.Contains(string(bodies[text.Evidence]), p.private()) {
				erased.Evidence = append(erased.Evidence, text.Evidence)
			}
		}
	}
	p.says(domain.Slug(p.slug), domain.EraseSubject{SubjectErased: erased})
	for _, digest := range erased.Evidence {
		p.gone.Store(digest, true)
	}
}

// A questioning is three documents: of what is in the workspace, of everything else that there is, and of each thing by its
// id.
type questioning struct{ inner, outer, things string }

// questions are about what there is in the twin.
func (p *past) questions(w *twin) questioning {
	rt, at := p.rt, `asOf: {AT}`
	in := fmt.Sprintf(`workspace(slug: "%s")`, p.slug)
	ids := idsIn(w.ask(`{ ` + in + ` { id runs(filter: {nested: true}) { nodes { id steps { nodes { id } } } } pipelines { nodes { id versions { nodes { id } } } } artifacts { nodes { id versions { nodes { id } } } }
		invitations { nodes { id } } } organization(slug: "personal") { id teams { nodes { id } } serviceAccounts { nodes { id } } invitations { nodes { id } } } }`).Data)
	of := func(kind relay.Kind) string {
		for _, id := range ids {
			if parsed, err := relay.ParseID(id); err == nil && parsed.Kind == kind {
				return id
			}
		}
		return "none"
	}
	some := slices.Clone(ids)
	if most := 12; len(some) > most { // each is asked everything
		start := rapid.IntRange(0, len(some)-most).Draw(rt, "things from")
		some = some[start : start+most]
	}
	all, err := json.Marshal(some)
	if err != nil {
		rt.Fatal(err)
	}
	one := func(field string, list ...string) string { return rapid.SampledFrom(list).Draw(rt, field) }
	args := map[string]string{
		"Query.workspace": fmt.Sprintf(`(slug: "%s", %s)`, p.slug, at), "Query.workspaces": fmt.Sprintf(`(filter: {text: "%s"}, %s)`, p.slug, at),
		"Query.organization": `(slug: "personal", ` + at + `)`, "Query.organizations": `(` + at + `)`,
		"Query.node": fmt.Sprintf(`(id: "%s", %s)`, rapid.SampledFrom(ids).Draw(rt, "node"), at), "Query.nodes": fmt.Sprintf(`(ids: %s, %s)`, all, at),
		"Query.effectiveAccess": fmt.Sprintf(`(workspace: "%s", member: "account:00000000-0000-0000-0000-00000000000a", %s)`, p.slug, at),
		"Query.whoCan":          fmt.Sprintf(`(workspace: "%s", permission: "workspace:read", %s)`, p.slug, at),
		"Workspace.run":         `(id: "n")`, "Workspace.pipeline": `(id: "jobs/j1")`, "Workspace.artifact": `(id: "db/x")`, "Workspace.artifactVersion": `(id: "db/x@1")`,
		"Workspace.lineage": one("lineage", `(root: "db/root")`, `(root: "db/root", direction: UP, granularity: ARTIFACT)`, `(root: "db/root", depth: 1)`), "Workspace.impact": `(root: "db/root")`,
		"Workspace.auditEvent": `(revision: 0)`, "Workspace.auditLog": one("log", "", `(direction: ASC, first: 3)`, `(filter: {types: ["run.*"]})`), "Workspace.search": `(query: "j")`,
		"Run.step": `(name: "s")`, "Pipeline.version": `(number: 1)`, "Workspace.diff": `(from: {revision: 0})`, "Workspace.compareRuns": `(a: "n", b: "n")`, "Workspace.compareArtifactVersions": `(a: "db/x@1", b: "db/y@1")`,
		"Workspace.runs": one("runs", `(filter: {nested: true})`, `(orderBy: {by: METRIC, name: "rmse"})`, `(filter: {where: "metrics.rmse < 3"})`, `(filter: {statuses: [FAILED, RUNNING], nested: true}, orderBy: {by: STARTED, direction: ASC})`,
			`(filter: {nested: true, tags: ["k"]}, orderBy: {by: PARAMETER, name: "x"}, last: 2)`, `(filter: {text: "x"}, orderBy: {by: DURATION})`),
		"WorkspaceConnection.groups": one("groups", `(by: STATUS)`, `(by: KIND)`),
		"Organization.workspaces":    one("workspaces", `(last: 2)`, fmt.Sprintf(`(filter: {text: "%s"})`, p.slug)),
		"Workspace.step":             `(id: "` + of(relay.Step) + `")`, "Organization.team": `(id: "core")`, "Organization.serviceAccount": `(id: "` + nightly.ID + `")`,
	}
	q := newQuestioner(p.t, args)
	asked := questioning{
		inner:  "{ " + q.document("workspace") + "}",
		outer:  "{ " + q.document("workspaces", "organizations", "organization", "effectiveAccess", "whoCan") + " viewer { organizations(" + at + ") { slug name revision } } }",
		things: "{ " + q.document("node", "nodes") + "}",
	}
	for _, kind := range []relay.Kind{relay.Workspace, relay.Run, relay.Artifact, relay.ArtifactVersion, relay.Organization, relay.Team, relay.ServiceAccount} {
		if of(kind) == "none" {
			p.t.Fatalf("nothing of the kind %s is asked about: %v", kind, ids)
		}
	}
	if left := q.unasked(q.reachable()); len(left) > 0 {
		p.t.Fatalf("nobody asks %s: say what their arguments are", strings.Join(left, ", "))
	}
	return asked
}

// idsIn are the global ids in an answer, each once.
func idsIn(v any) []string {
	found := map[string]bool{}
	var visit func(v any)
	visit = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if id, ok := v["id"].(string); ok {
				found[id] = true
			}
			for _, x := range v {
				visit(x)
			}
		case []any:
			for _, x := range v {
				visit(x)
			}
		}
	}
	visit(v)
	return slices.Sorted(maps.Keys(found))
}
