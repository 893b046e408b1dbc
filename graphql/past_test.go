package graphql_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/graphql/limit"
)

// unaskable are the fields that the generated question leaves out, each with the reason.
var unaskable = map[string]string{
	"Workspace.step":              "it takes a global id; steps are asked by their run",
	"Workspace.invitation":        "invitations carry what nobody here was sent",
	"Organization.invitation":     "invitations carry what nobody here was sent",
	"Organization.team":           "teams are asked as a list",
	"Organization.serviceAccount": "service accounts are asked as a list",
}

// A past is a workspace whose history is drawn.
type past struct {
	*house
	rt   *rapid.T
	slug string
	n    int
	when time.Time
}

// record has facts recorded, and waits until they can be read.
func (p *past) record(events ...domain.Event) {
	p.n++
	at := p.when.Add(time.Duration(rapid.IntRange(0, 20).Draw(p.rt, "when")) * time.Minute)
	result, err := p.commands.Execute(context.Background(), eventstore.Request{
		Stream: domain.WorkspaceStream(domain.Slug(p.slug)), CommandID: fmt.Sprint("c", p.n), OccurredAt: at, Command: domain.Record{Events: events},
		Meta: domain.Meta{Actor: domain.Actor{Kind: "key", ID: "owner"}},
	})
	if err != nil {
		p.rt.Fatalf("record %v: %v", events, err)
	}
	p.wait(p.slug, result.Last)
}

func (p *past) wait(scope string, n domain.Revision) {
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	if err := p.engine.Wait(ctx, domain.Slug(scope), n); err != nil {
		p.rt.Fatal(err)
	}
}

// happens draws one thing that happens.
func (p *past) happens() {
	rt := p.rt
	name := rapid.SampledFrom([]string{"x", "y", "z"})
	runs := []domain.RunRef{{ID: "a", Job: domain.Name{Namespace: "jobs", Name: "j1"}}, {ID: "b", Job: domain.Name{Namespace: "jobs", Name: "j1"}}, {ID: "n"}}
	run := rapid.SampledFrom(runs).Draw(rt, "run")
	phase := rapid.SampledFrom([]domain.Phase{domain.Queued, domain.Started, domain.Progressed, domain.Succeeded, domain.Failed, domain.Annotated}).Draw(rt, "phase")
	data := func(label string) domain.Name { return domain.Name{Namespace: "db", Name: name.Draw(rt, label)} }
	value := func() domain.Value { return domain.FloatValue(float64(rapid.IntRange(0, 3).Draw(rt, "value"))) }
	tags := func() []domain.Tag {
		return []domain.Tag{{Key: rapid.SampledFrom([]string{"k", "l"}).Draw(rt, "key"), Value: name.Draw(rt, "tag")}}
	}
	set := func() []domain.Attribute {
		return []domain.Attribute{{Name: name.Draw(rt, "attribute"), Value: value()}}
	}
	execution := domain.Execution{Run: run}
	if rapid.Bool().Draw(rt, "in a step") {
		execution.Step = rapid.SampledFrom([]string{"s", "t"}).Draw(rt, "step")
	}
	io := func() domain.IO {
		out := domain.IO{Artifact: data("artifact"), Version: rapid.SampledFrom([]string{"", "", "1"}).Draw(rt, "version"), Metadata: set(), Tags: tags()}
		switch rapid.IntRange(0, 4).Draw(rt, "says") {
		case 0:
			out.Schema, out.URI, out.Type = []domain.Field{{Name: "f", Type: "int"}}, "s3://b/k", "table"
		case 1:
			out.Columns = []domain.ColumnEdge{{Field: "f", From: data("from"), FromField: "g"}}
		case 2:
			out.From = []domain.Name{data("from")}
		}
		return out
	}
	pipeline := domain.Name{Namespace: "jobs", Name: rapid.SampledFrom([]string{"j1", "j2"}).Draw(rt, "pipeline")}
	switch rapid.IntRange(0, 17).Draw(rt, "kind") {
	case 0, 1, 2:
		e := domain.RunReported{Phase: phase, Run: run, Parameters: set(), Metadata: set(), Tags: tags(), Name: name.Draw(rt, "title"), Code: &domain.CodeRef{Version: name.Draw(rt, "commit")}}
		if phase == domain.Failed {
			e.Failure = &domain.Failure{Type: "E"}
		}
		if run.Job == (domain.Name{}) {
			e.Pipeline = &pipeline
		}
		p.record(e)
	case 3, 4:
		p.record(domain.StepReported{Phase: phase, Execution: domain.Execution{Run: run, Step: "s"}, Upstream: []string{"t"}, Parameters: set(), Tags: tags()})
	case 5, 6:
		p.record(domain.ArtifactsConsumed{Execution: execution, Phase: phase, Inputs: []domain.IO{io()}})
	case 7, 8:
		p.record(domain.ArtifactsProduced{Execution: execution, Phase: phase, Outputs: []domain.IO{io()}})
	case 9:
		p.record(domain.MetricsLogged{Execution: execution, Points: []domain.Metric{{Name: "rmse", Value: domain.Float(rapid.IntRange(0, 5).Draw(rt, "point"))}}})
	case 10:
		p.record(domain.RunNested{Run: run, Parent: rapid.SampledFrom(runs).Draw(rt, "parent")})
	case 11:
		p.record(domain.PipelineDeclared{Pipeline: pipeline, Inputs: []domain.IO{{Artifact: data("input")}}, Outputs: []domain.IO{{Artifact: data("output")}}})
	case 12:
		p.record(domain.ArtifactAliased{Artifact: data("artifact"), Alias: domain.Alias{Name: data("alias")}})
	case 13:
		p.record(rapid.SampledFrom([]domain.Event{domain.RunDeleted{Run: run}, domain.StepDeleted{Execution: domain.Execution{Run: run, Step: "s"}}, domain.PipelineDeleted{Pipeline: pipeline}, domain.ArtifactDeleted{Artifact: data("deleted")}}).Draw(rt, "deletion"))
	case 14:
		p.record(domain.PipelineTagged{Pipeline: pipeline, Set: tags()}, domain.ArtifactTagged{Artifact: data("tagged"), Set: tags()})
	case 15:
		p.do("describeWorkspace", fmt.Sprintf(`workspace: "%s", description: "%s"`, p.slug, name.Draw(rt, "description")), "")
	case 16:
		p.do("labelWorkspace", fmt.Sprintf(`workspace: "%s", set: [{key: "k", value: "%s"}]`, p.slug, name.Draw(rt, "label")), "")
	default:
		role, err := domain.ParseRoleRef(rapid.SampledFrom([]string{"viewer", "admin"}).Draw(rt, "role"))
		if err != nil {
			rt.Fatal(err)
		}
		member := domain.Person(uuid.UUID{15: byte(rapid.IntRange(10, 12).Draw(rt, "member"))})
		p.record(rapid.SampledFrom([]domain.Event{domain.RoleGranted{Member: member, Role: role}, domain.RoleRevoked{Member: member, Role: role},
			domain.RoleDefined{Name: "custom", Permissions: []domain.Permission{domain.ReadWorkspace}}}).Draw(rt, "of people"))
	}
}

// A seenMoment is a moment with what was answered when it was now.
type seenMoment struct {
	time     time.Time
	revision string
	answers  []answer
}

// Whatever comes later, every query answers as of a moment what it answered when that moment was now: each field of each
// type that a query reaches, by a document that is made from the schema.
func TestEveryAnswerIsWhatItWas(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{Tokens: 100_000, Selections: 5_000, Fields: 1_000_000, Depth: 50, Aliases: 10_000, RootFields: 100, Complexity: 1 << 40, Timeout: time.Minute})
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		p := &past{house: h, rt: rt, slug: fmt.Sprint("past-", round), when: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}
		h.do("createWorkspace", fmt.Sprintf(`slug: "%s", organization: "home-org"`, p.slug), "")
		p.record(domain.ArtifactsProduced{Execution: domain.Execution{Run: domain.RunRef{ID: "n"}}, Phase: domain.Started, Outputs: []domain.IO{{Artifact: domain.Name{Namespace: "db", Name: "root"}, From: []domain.Name{{Namespace: "db", Name: "x"}}}}})
		whole, inner := p.questions()
		ask := func(document, asOf string) answer {
			a := h.as("owner", strings.NewReplacer("{AT}", asOf).Replace(document), nil)
			if a.Data == nil || len(a.Errors) > 0 {
				rt.Fatalf("as of %s: %v\n%s", asOf, a.Errors, document)
			}
			return a
		}
		var seen []seenMoment
		count := rapid.IntRange(2, 14).Draw(rt, "events")
		look := rapid.IntRange(0, count-1).Draw(rt, "moment")
		for i := range count {
			p.happens()
			if i == look {
				m := seenMoment{answers: []answer{ask(whole, "null"), ask(inner, "null")}}
				m.revision = m.answers[1].at("workspace.asOf.revision")
				m.time = pastNow()
				seen = append(seen, m)
			}
		}
		for _, m := range seen {
			at := fmt.Sprintf(`{time: "%s"}`, m.time.Format(time.RFC3339Nano))
			for i, later := range []answer{ask(whole, at), ask(inner, fmt.Sprintf(`{revision: %s}`, m.revision)), ask(inner, at)} {
				if differ := differing("", timeless(m.answers[min(i, 1)].Data), timeless(later.Data)); differ != "" {
					rt.Fatalf("of %s as of revision %s (answer %d): %s", p.slug, m.revision, i, differ)
				}
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

// questions are two documents: of everything that there is, by time, and of what is in the workspace, by revision too.
func (p *past) questions() (whole, inner string) {
	at := `asOf: {AT}`
	args := map[string]string{
		"Query.workspace": fmt.Sprintf(`(slug: "%s", %s)`, p.slug, at), "Query.workspaces": fmt.Sprintf(`(filter: {text: "%s"}, %s)`, p.slug, at),
		"Query.organization": `(slug: "home-org", ` + at + `)`, "Query.organizations": `(` + at + `)`,
		"Query.node": fmt.Sprintf(`(id: "%s", %s)`, p.id(), at), "Query.nodes": fmt.Sprintf(`(ids: ["%s"], %s)`, p.id(), at),
		"Query.effectiveAccess": fmt.Sprintf(`(workspace: "%s", member: "account:00000000-0000-0000-0000-00000000000a", %s)`, p.slug, at),
		"Query.whoCan":          fmt.Sprintf(`(workspace: "%s", permission: "workspace:read", %s)`, p.slug, at),
		"Workspace.run":         `(id: "n")`, "Workspace.pipeline": `(id: "jobs/j1")`, "Workspace.artifact": `(id: "db/x")`, "Workspace.artifactVersion": `(id: "db/x@1")`,
		"Workspace.lineage": `(root: "db/root")`, "Workspace.impact": `(root: "db/root")`, "Workspace.auditEvent": `(revision: 0)`, "Workspace.search": `(query: "j")`,
		"Run.step": `(name: "s")`, "Pipeline.version": `(number: 1)`, "Workspace.diff": `(from: {revision: 0})`, "Workspace.compareRuns": `(a: "n", b: "n")`, "Workspace.compareArtifactVersions": `(a: "db/x@1", b: "db/y@1")`,
		"Workspace.runs": `(filter: {nested: true})`, "WorkspaceConnection.groups": `(by: STATUS)`,
	}
	for field := range unaskable {
		args[field] = "-"
	}
	q := newQuestioner(p.t, args)
	inner = "{ " + q.document("workspace") + "}"
	whole = "{ " + q.document("workspaces", "organizations", "organization", "effectiveAccess", "whoCan", "node", "nodes") + "}"
	left := slices.DeleteFunc(q.unasked(q.reachable()), func(field string) bool { return unaskable[field] != "" })
	if len(left) > 0 {
		p.t.Fatalf("nothing asks %s: give their arguments, or say in unaskable why not", strings.Join(left, ", "))
	}
	return whole, inner
}

func (p *past) id() string {
	return p.ask(fmt.Sprintf(`{ workspace(slug: "%s") { id } }`, p.slug)).at("workspace.id")
}
