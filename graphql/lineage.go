package graphql

import (
	"context"
	"strings"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/graphql/relay"
	"github.com/annals-io/annals/projections/read"
)

// walkQuery turns the arguments of a walk into a query. ok is false where the root is not there.
func (r *Resolver) walkQuery(ctx context.Context, at *model.Moment, root string, direction model.LineageDirection, depth, maxNodes int, g model.LineageGranularity, f *model.LineageFilter) (q read.LineageQuery, ok bool, err error) {
	if depth < 1 || depth > maxLineageDepth {
		return q, false, outside("depth", depth, 1, maxLineageDepth)
	}
	if maxNodes < 1 || maxNodes > maxLineageNodes {
		return q, false, outside("maxNodes", maxNodes, 1, maxLineageNodes)
	}
	node, ok, err := r.findRoot(ctx, at, root)
	if err != nil || !ok {
		return q, false, err
	}
	q = read.LineageQuery{
		Roots: []read.Node{node}, Depth: depth, MaxNodes: maxNodes, Within: r.limits.Timeout / 2,
		Up: direction != model.LineageDirectionDown, Down: direction != model.LineageDirectionUp, Walls: walls{r, at},
	}
	if g == model.LineageGranularityArtifact {
		q.Granularity = read.ByArtifact
	}
	if f != nil {
		q.Statuses, q.Namespaces = statusesOf(f.Statuses), f.Namespaces
		q.CreatedAfter, q.CreatedBefore = instant(f.CreatedAfter), instant(f.CreatedBefore)
		q.Pipelines, err = r.pipelineKeys(ctx, at, f.Pipelines)
	}
	return q, true, err
}

// findRoot is the thing that a word means, whatever its kind: a global id, else an artifact, an artifact version, a
// run or a pipeline by its natural key, in this order.
func (r *Resolver) findRoot(ctx context.Context, at *model.Moment, word string) (read.Node, bool, error) {
	if id, err := relay.ParseID(word); err == nil {
		kind, known := kindOf[id.Kind]
		return read.Node{Kind: kind, Key: id.Key}, known && id.Slug == at.Slug() && r.there(ctx, at, kind, id.Key), nil
	}
	a, err := shown(r.findArtifact(ctx, at, word))
	if err != nil || a != nil {
		return nodeOf(domain.KindArtifact, a, err)
	}
	v, err := shown(r.findVersion(ctx, at, word))
	if err != nil || v != nil {
		return nodeOf(domain.KindArtifactVersion, v, err)
	}
	run, err := shown(r.findRun(ctx, at, word))
	if err != nil || run != nil {
		return nodeOf(domain.KindRun, run, err)
	}
	p, err := shown(r.findPipeline(ctx, at, word))
	if err != nil || p != nil {
		return nodeOf(domain.KindPipeline, p, err)
	}
	return read.Node{}, false, nil
}

// kindOf are the kinds that a walk can begin at, by the prefix of their ids.
var kindOf = map[relay.Kind]domain.Kind{
	relay.Artifact: domain.KindArtifact, relay.ArtifactVersion: domain.KindArtifactVersion, relay.Run: domain.KindRun, relay.Step: domain.KindStep, relay.Pipeline: domain.KindPipeline,
}

// there says whether a thing of that key was named by the moment: keys grow with revisions.
func (r *Resolver) there(ctx context.Context, at *model.Moment, kind domain.Kind, key int64) bool {
	found, err := r.nodes(ctx, at, []model.Ref{{At: at, Kind: model.KindOf(kind), Key: key}})
	return err == nil && len(found) == 1
}

func nodeOf(kind domain.Kind, thing any, err error) (read.Node, bool, error) {
	switch t := thing.(type) {
	case *model.Artifact:
		if t != nil {
			return read.Node{Kind: kind, Key: t.Row.Key}, true, err
		}
	case *model.ArtifactVersion:
		if t != nil {
			return read.Node{Kind: kind, Key: t.Row.Key}, true, err
		}
	case *model.Run:
		if t != nil {
			return read.Node{Kind: kind, Key: t.Row.Key}, true, err
		}
	case *model.Pipeline:
		if t != nil {
			return read.Node{Kind: kind, Key: t.Row.Key}, true, err
		}
	}
	return read.Node{}, false, err
}

// noRoot is the fault of a walk from something that is not there: an empty graph would look like "nothing depends
// on it".
func noRoot(root string) error {
	return &Fault{codeNotFound, "there is nothing that " + clip(root) + " means, at this moment", map[string]any{"argument": "root", "rule": ruleThere}}
}

// codeNotFound is the fault of a walk's root that is not there.
const codeNotFound = "NOT_FOUND"

func (r *Resolver) lineage(ctx context.Context, at *model.Moment, root string, direction model.LineageDirection, depth, maxNodes int, g model.LineageGranularity, f *model.LineageFilter) (*model.Lineage, error) {
	q, ok, err := r.walkQuery(ctx, at, root, direction, depth, maxNodes, g, f)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, noRoot(root)
	}
	var graph read.Graph
	err = r.found(ctx, at, func() (astray bool, err error) {
		graph, err = r.Read.Lineage(ctx, at.At, q)
		return graph.Astray, err
	})
	if err != nil {
		return nil, refusedRead(err)
	}
	return &model.Lineage{At: at, Graph: graph}, nil
}

// impact answers a page of the same walk as a table.
func (r *Resolver) impact(ctx context.Context, at *model.Moment, root string, direction model.LineageDirection, depth int, g model.LineageGranularity, f *model.LineageFilter, first int, after *string) (*model.ImpactConnection, error) {
	if direction == model.LineageDirectionBoth {
		return nil, invalid("direction", "The table of an impact goes one way: UP or DOWN.", "direction is BOTH: a table of what depends on a thing is UP or DOWN")
	}
	q, ok, err := r.walkQuery(ctx, at, root, direction, depth, maxLineageNodes, g, f)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, noRoot(root)
	}
	hash := r.shape("impact", at.Slug(), root, direction, depth, g, f)
	p, err := r.page(pageArgs{first: &first, after: after}, hash)
	if err != nil {
		return nil, err
	}
	var found read.Impact
	err = r.found(ctx, at, func() (astray bool, err error) {
		found, err = r.Read.Impact(ctx, at.At, q, p)
		return found.Astray, err
	})
	if err != nil {
		return nil, refusedRead(err)
	}
	out := &model.ImpactConnection{
		List:     listed(at, hash, p, found.List, impactRows(found.Places), func(_ context.Context, most int) (int, error) { return min(found.Total, most+1), nil }),
		Complete: found.Complete, Workspaces: model.WorkspacesOf(found.Places), ByDistance: make([]*model.DistanceCount, len(found.ByDistance)),
	}
	for i, d := range found.ByDistance {
		out.ByDistance[i] = &model.DistanceCount{Distance: d.Distance, Count: d.Count}
	}
	return out, nil
}

// impactRows makes rows of the nodes that a walk reached in several places; those of one place are read together.
func impactRows(places []read.Moment) func(*model.Moment, []read.GraphNode) []*model.ImpactRow {
	return func(at *model.Moment, rows []read.GraphNode) []*model.ImpactRow {
		moments := model.MomentsOf(at, places)
		groups := map[int]*model.Peers[model.ImpactRow]{-1: {At: at}}
		for i, m := range moments {
			groups[i] = &model.Peers[model.ImpactRow]{At: m}
		}
		out := make([]*model.ImpactRow, len(rows))
		for i, n := range rows {
			group := groups[n.Place]
			out[i] = &model.ImpactRow{Peers: group, Ref: model.RefOf(moments, n), Name: n.Name, Status: model.Word(strings.ToUpper(n.Status)), Distance: n.Distance, Hidden: model.HiddenOf(n)}
			group.All = append(group.All, out[i])
		}
		return out
	}
}

// entities answers what things point to, whatever its kind.
func entities[T any, P peered[T]](ctx context.Context, r *Resolver, objs []P, ref func(*T) *model.Ref) ([]model.Node, error) {
	return each(objs, "entity", func(at *model.Moment, all []*T) (func(*T) model.Node, error) {
		refs := make([]model.Ref, 0, len(all))
		for _, o := range all {
			if to := ref(o); to != nil {
				refs = append(refs, *to)
			}
		}
		found, err := r.nodes(ctx, at, refs)
		return func(o *T) model.Node {
			if to := ref(o); to != nil {
				return found[*to]
			}
			return nil
		}, err
	})
}

// search answers things by name.
func (r *Resolver) search(ctx context.Context, at *model.Moment, text string, kinds []model.EntityKind, first int) ([]*model.SearchHit, error) {
	if first < 1 || first > 100 {
		return nil, outside("first", first, 1, 100)
	}
	if strings.TrimSpace(text) == "" || len(text) > 1000 {
		return nil, invalid("query", "The text has 1 to 1,000 bytes, and more than blanks.", "query has 1 to 1,000 bytes of a name")
	}
	var of []domain.Kind
	for _, k := range kinds {
		of = append(of, domain.Kind(strings.ToLower(string(k))))
	}
	hits, err := r.Read.Search(ctx, at.At, text, of, first)
	if err != nil {
		return nil, refusedRead(err)
	}
	return together(at, hits, func(p *model.Peers[model.SearchHit], h read.Hit) *model.SearchHit {
		return &model.SearchHit{Peers: p, Ref: model.Ref{At: at, Kind: model.KindOf(h.Kind), Key: h.Key}, Namespace: h.Namespace, Name: h.Name, Status: model.Word(strings.ToUpper(h.Status))}
	}), nil
}
