package graphql

import (
	"context"
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/graphql/relay"
	"github.com/annals-io/annals/projections/read"
)

// detail answers what is wide about runs.
func detail[V any](ctx context.Context, r *Resolver, objs []*model.Run, of func(*model.Run, read.RunDetail) V) ([]V, error) {
	details, err := each(objs, "details", func(at *model.Moment, all []*model.Run) (func(*model.Run) read.RunDetail, error) {
		found, err := r.Read.RunDetails(ctx, at.At, distinct(all, func(t *model.Run) int64 { return t.Row.Key }))
		return func(t *model.Run) read.RunDetail { return found[t.Row.Key] }, err
	})
	if err != nil {
		return nil, err
	}
	out := make([]V, len(objs))
	for i, o := range objs {
		out[i] = of(o, details[i])
	}
	return out, nil
}

// runNames are the producers' names, else PIPELINE#NUMBER.
func (r *Resolver) runNames(ctx context.Context, objs []*model.Run) ([]string, error) {
	given, err := detail(ctx, r, objs, func(_ *model.Run, d read.RunDetail) string { return d.Name })
	if err != nil {
		return nil, err
	}
	pipelines, err := follow(ctx, objs, "pipeline", func(t *model.Run) int64 { return t.Row.Pipeline }, r.pipelines)
	if err != nil {
		return nil, err
	}
	for i, o := range objs {
		switch {
		case given[i] != "":
		case pipelines[i] != nil && o.Row.Number > 0:
			given[i] = pipelines[i].Row.Name + "#" + strconv.Itoa(o.Row.Number)
		default:
			given[i] = o.Row.RunID
		}
	}
	return given, nil
}

func orchestratorOfRow(raw json.RawMessage) *model.Orchestrator {
	var o domain.OrchestratorRef
	unpack(raw, &o)
	if o == (domain.OrchestratorRef{}) {
		return nil
	}
	return &model.Orchestrator{Kind: model.Word(o.Kind), RunID: model.Word(o.RunID), URL: model.Word(o.URL)}
}

// attempts answers the tries of runs or steps; the texts of their failures are evidence.
func attempts[T any, P peered[T]](ctx context.Context, r *Resolver, objs []P, of func(*T) ([]read.Attempt, error)) ([][]*model.Attempt, error) {
	return each(objs, "attempts", func(at *model.Moment, all []*T) (func(*T) []*model.Attempt, error) {
		tries := make(map[*T][]read.Attempt, len(all))
		var refs []*domain.Text
		for _, o := range all {
			found, err := of(o)
			if err != nil {
				return nil, err
			}
			tries[o] = found
			for _, a := range found {
				if a.Failure != nil {
					refs = append(refs, a.Failure.Message, a.Failure.Stack)
				}
			}
		}
		said, err := r.evidenceOf(ctx, at, refs)
		return func(o *T) []*model.Attempt {
			out := make([]*model.Attempt, len(tries[o]))
			for i, a := range tries[o] {
				out[i] = &model.Attempt{
					Number: a.Number, Status: strings.ToUpper(string(a.Status)), StartedAt: model.Instant(a.StartedAt), EndedAt: model.Instant(a.EndedAt),
					DurationMs: model.Millis(a.StartedAt, a.EndedAt), Failure: shownFailure(a.Failure, said),
				}
			}
			return out
		}, err
	})
}

// metrics answers the metrics of runs or steps.
func metrics[T any, P peered[T]](ctx context.Context, r *Resolver, objs []P, names []string, row func(*T) (int64, domain.Revision)) ([][]*model.Metric, error) {
	all, err := each(objs, "metrics", func(at *model.Moment, all []*T) (func(*T) []read.Metric, error) {
		found, err := r.Read.Metrics(ctx, at.At, distinct(all, func(o *T) int64 { key, _ := row(o); return key }))
		return func(o *T) []read.Metric { key, _ := row(o); return found[key] }, err
	})
	if err != nil {
		return nil, err
	}
	out := make([][]*model.Metric, len(objs))
	for i, list := range all {
		out[i] = []*model.Metric{}
		for _, m := range list {
			if names == nil || wanted(names, m.Name) {
				out[i] = append(out[i], &model.Metric{Name: m.Name, Last: finite(m.Last), Min: finite(m.Min), Max: finite(m.Max), Count: m.Points, LastAt: model.Instant(m.LastAt)})
			}
		}
	}
	return out, nil
}

// finite is a number that JSON can write; the others are null.
func finite(f float64) *float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil
	}
	return &f
}

// maxUses bounds the inputs and the outputs of one execution.
const maxUses = 1000

// uses answers what executions read or wrote.
func uses[T any, P peered[T]](objs []P, word string, row func(*T) (int64, domain.Revision), load func(at read.Moment, keys []int64) (map[int64][]read.Use, error)) ([][]*model.ArtifactUse, error) {
	return each(objs, word, func(at *model.Moment, all []*T) (func(*T) []*model.ArtifactUse, error) {
		found, err := load(at.At, distinct(all, func(o *T) int64 { key, _ := row(o); return key }))
		if err != nil {
			return nil, err
		}
		var rows []read.Use
		for _, list := range found {
			rows = append(rows, list...)
		}
		of := make(map[int64][]*model.ArtifactUse, len(found))
		for _, u := range together(at, rows, useOf) {
			of[u.Execution] = append(of[u.Execution], u)
		}
		return func(o *T) []*model.ArtifactUse {
			key, _ := row(o)
			if list := of[key]; list != nil {
				return list
			}
			return []*model.ArtifactUse{}
		}, nil
	})
}

func useOf(p *model.Peers[model.ArtifactUse], u read.Use) *model.ArtifactUse {
	return &model.ArtifactUse{Peers: p, Execution: u.Execution, Version: u.Version, Role: model.Word(u.Role), Position: u.Position}
}

// stepCounts answers how many steps of runs are in each state.
func (r *Resolver) stepCounts(ctx context.Context, objs []*model.Run) ([][]*model.StepStatusCount, error) {
	return each(objs, "stepCounts", func(at *model.Moment, all []*model.Run) (func(*model.Run) []*model.StepStatusCount, error) {
		found, err := r.Read.StepCounts(ctx, at.At, distinct(all, func(t *model.Run) int64 { return t.Row.Key }))
		return func(t *model.Run) []*model.StepStatusCount {
			out := []*model.StepStatusCount{}
			for _, s := range model.AllStepStatus {
				if n := found[t.Row.Key][domain.Status(strings.ToLower(string(s)))]; n > 0 {
					out = append(out, &model.StepStatusCount{Status: s, Count: n})
				}
			}
			return out
		}, err
	})
}

// maxSiblings bounds the runs that share a run id.
const maxSiblings = 100

func (r *Resolver) siblings(ctx context.Context, run *model.Run) ([]*model.Run, error) {
	rows, err := r.Read.RunsByRunID(ctx, run.At.At, run.Row.RunID, maxSiblings+1)
	if err != nil {
		return nil, err
	}
	var others []read.Run
	for _, row := range rows {
		if row.Key != run.Row.Key && !row.Deleted {
			others = append(others, row)
		}
	}
	return runsOf(run.At, others), nil
}

// maxParts bounds a run's graph and its timeline.
const maxParts = 2000

func (r *Resolver) dag(ctx context.Context, run *model.Run) (*model.RunDag, error) {
	g, err := r.Read.Dag(ctx, run.At.At, run.Row.Key, maxParts)
	if err != nil {
		return nil, err
	}
	out := &model.RunDag{Nodes: make([]*model.DagNode, len(g.Nodes)), Edges: make([]*model.DagEdge, len(g.Edges)), Complete: g.Complete}
	for i, n := range g.Nodes {
		kind := model.KindOf(n.Kind)
		out.Nodes[i] = &model.DagNode{ID: run.At.ID(model.Prefix(kind), n.Key), Kind: kind, Name: n.Name, Status: model.Word(strings.ToUpper(n.Status))}
	}
	for i, e := range g.Edges {
		out.Edges[i] = &model.DagEdge{From: out.Nodes[e.From].ID, To: out.Nodes[e.To].ID, Role: model.Word(e.Role)}
	}
	return out, nil
}

func (r *Resolver) timeline(ctx context.Context, run *model.Run) ([]*model.TimelineBar, error) {
	bars, err := r.Read.Timeline(ctx, run.At.At, run.Row.Key, maxParts)
	out := make([]*model.TimelineBar, len(bars))
	for i, b := range bars {
		kind := model.KindOf(b.Kind)
		out[i] = &model.TimelineBar{
			ID: run.At.ID(model.Prefix(kind), b.Key), Kind: kind, Name: b.Name, Attempt: b.Attempt, Status: strings.ToUpper(string(b.Status)),
			StartedAt: model.Instant(b.StartedAt), EndedAt: model.Instant(b.EndedAt), DurationMs: model.Millis(b.StartedAt, b.EndedAt), Critical: b.Critical,
		}
	}
	return out, err
}

// shape is the hash of what shapes a list, for its cursors, in this course of events.
func (r *Resolver) shape(parts ...any) string {
	s, err := relay.Shape(parts...)
	if err != nil {
		panic(err) // inputs of the schema are JSON
	}
	if r.Fork == nil {
		return s
	}
	return relay.In(s, r.Fork())
}

// versionsAt answers the pipeline versions of those keys, one for each run.
func (r *Resolver) versionsAt(ctx context.Context, objs []*model.Run, keys []int64) ([]*model.PipelineVersion, error) {
	out := make([]*model.PipelineVersion, len(objs))
	for i, o := range objs {
		found, err := each([]*model.Run{o}, "pipelineVersions", func(at *model.Moment, all []*model.Run) (func(*model.Run) map[int64]*model.PipelineVersion, error) {
			wanted, err := detail(ctx, r, all, func(_ *model.Run, d read.RunDetail) int64 { return d.Version })
			if err != nil {
				return nil, err
			}
			wanted = distinct(ptrs(wanted), func(k *int64) int64 { return *k })
			found, err := r.pipelineVersions(ctx, at, wanted)
			return func(*model.Run) map[int64]*model.PipelineVersion { return found }, err
		})
		if err != nil {
			return nil, err
		}
		out[i] = found[0][keys[i]]
	}
	return out, nil
}

func ptrs(keys []int64) []*int64 {
	out := make([]*int64, len(keys))
	for i := range keys {
		out[i] = &keys[i]
	}
	return out
}
