package read

import (
	"context"
	"slices"

	"github.com/annals-io/annals/domain"
)

// A DiffCount is how many things of a kind were created, changed and removed.
type DiffCount struct {
	Kind                      domain.Kind
	Created, Changed, Removed int
}

// CountDiff counts what differs by kind, looking at most things that changed; complete is false where there are more.
func (d *DB) CountDiff(ctx context.Context, m Moment, q DiffQuery, most int) (counts []DiffCount, complete bool, err error) {
	of := map[domain.Kind]*DiffCount{}
	q.Page = Page{}
	var after *Mark
	for looked := 0; ; {
		batch := min(500, most-looked+1)
		found, err := d.candidates(ctx, m, q, after, batch)
		if err != nil {
			return nil, false, err
		}
		more := len(found) == batch
		if looked += len(found); looked > most {
			found = found[:len(found)-(looked-most)]
		}
		if err := d.countSome(ctx, m, q, found, of); err != nil {
			return nil, false, err
		}
		if !more || looked > most {
			complete = looked <= most
			break
		}
		mark := found[len(found)-1].mark()
		after = &mark
	}
	for _, k := range diffKinds {
		if c := of[k]; c != nil {
			counts = append(counts, *c)
		}
	}
	return counts, complete, nil
}

// diffKinds are the kinds of things that are compared, in the order in which counts list them.
var diffKinds = []domain.Kind{domain.KindWorkspace, domain.KindPipeline, domain.KindPipelineVersion, domain.KindRun, domain.KindStep, domain.KindArtifact, domain.KindArtifactVersion}

// countSome counts candidates. Only those that are there at both moments have to be compared, and texts are read only of
// those in which nothing else differs.
func (d *DB) countSome(ctx context.Context, m Moment, q DiffQuery, found []candidate, of map[domain.Kind]*DiffCount) error {
	var both []candidate
	for _, c := range found {
		switch change := c.change(); {
		case !q.wants(change):
		case change == Changed:
			both = append(both, c)
		default:
			countOne(of, c.kind, change)
		}
	}
	before, after, err := d.bothSides(ctx, m, q, both)
	if err != nil {
		return err
	}
	var open [][]FieldDifference
	var kinds []domain.Kind
	for _, c := range both {
		fields := compareFields(fieldsOf(before[c.key]), fieldsOf(after[c.key]))
		switch {
		case len(fields) == 0:
		case q.Texts != nil && !slices.ContainsFunc(fields, func(f FieldDifference) bool { return !f.texts() }):
			open, kinds = append(open, fields), append(kinds, c.kind)
		default:
			countOne(of, c.kind, Changed)
		}
	}
	lists := make([]*[]FieldDifference, len(open))
	for i := range open {
		lists[i] = &open[i]
	}
	if err := q.Texts.settle(ctx, m, lists...); err != nil {
		return err
	}
	for i, fields := range open {
		if len(fields) > 0 {
			countOne(of, kinds[i], Changed)
		}
	}
	return nil
}

func countOne(of map[domain.Kind]*DiffCount, kind domain.Kind, change Change) {
	n := of[kind]
	if n == nil {
		n = &DiffCount{Kind: kind}
		of[kind] = n
	}
	switch change {
	case Created:
		n.Created++
	case Removed:
		n.Removed++
	default:
		n.Changed++
	}
}
