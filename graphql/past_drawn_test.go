package graphql_test

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// A past is a workspace whose history is drawn.
type past struct {
	*house
	rt   *rapid.T
	slug string
	n    int
	when time.Time
}

// private is in every text of the workspace that may be erased, and nowhere else.
func (p *past) private() string { return "private in " + p.slug + ": " }

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
	p.await(domain.Slug(p.slug), result.Last)
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
	switch rapid.IntRange(0, 18).Draw(rt, "kind") {
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
		words := rapid.SampledFrom([]string{"x", "y", p.private() + "x", p.private() + "y"}).Draw(rt, "description")
		p.do("describeWorkspace", fmt.Sprintf(`workspace: "%s", description: "%s"`, p.slug, words), "")
	case 16:
		p.do("labelWorkspace", fmt.Sprintf(`workspace: "%s", set: [{key: "k", value: "%s"}]`, p.slug, name.Draw(rt, "label")), "")
	case 17:
		p.do("inviteMember", fmt.Sprintf(`workspace: "%s", roles: ["viewer"], invited: "%s"`, p.slug, name.Draw(rt, "invited")), "")
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
