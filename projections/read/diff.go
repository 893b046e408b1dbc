package read

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/annals-io/annals/domain"
	"github.com/jackc/pgx/v5"
)

// What changed between two moments is found in read.changes, which has a row for each thing and each revision at which
// anything that belongs to the thing changed. The things are listed by the first of their changes, so that a page is a
// range of that index and costs what it shows; a thing that changed before in the range is passed over. Then each is read
// at both moments, and compared: what was changed and changed back is no difference.

// A Change is what became of a thing from one moment to another.
type Change string

// The changes.
const (
	Created Change = "created" // it was not there before
	Changed Change = "changed"
	Removed Change = "removed" // it is not there any more
)

// A DiffQuery asks what changed after a revision, up to the moment of the question. Empty fields ask nothing.
type DiffQuery struct {
	From    domain.Revision
	Kinds   []domain.Kind
	Changes []Change
	Page    Page
}

// A Difference is a thing that is not at the later moment what it was at the earlier one.
type Difference struct {
	Node
	Name   string
	Change Change
	First  domain.Revision // of its changes after the earlier moment
	Last   domain.Revision // of its changes up to the later moment
	Fields []FieldDifference
}

// A FieldDifference is a field of two things, or of one at two moments. A nil side has none.
type FieldDifference struct {
	Key           FieldKey
	Name          string // group and name, in words that can be given back
	Before, After *FieldValue
}

// changeTables are where the things of each kind lie, and when a row says that its thing is there.
var changeTables = []struct {
	kind                  domain.Kind
	table, columns, there string
}{
	{domain.KindPipeline, "pipelines", "deleted", "NOT v.deleted"},
	{domain.KindRun, "runs", "deleted", "NOT v.deleted"},
	{domain.KindStep, "steps", "deleted", "NOT v.deleted"},
	{domain.KindArtifact, "artifacts", "deleted", "NOT v.deleted"},
	{domain.KindArtifactVersion, "artifact_versions", "deleted, exists_now", "NOT v.deleted AND v.exists_now"},
}

// standingSQL says of things ($3) of what kind they are, and whether they were there at a revision ($4) and are at the
// moment.
var standingSQL = func() string {
	parts := []string{`SELECT key, 'pipeline_version', since <= $4, since <= $2 FROM read.pipeline_versions WHERE ws = $1 AND key = ANY($3)`}
	for _, t := range changeTables {
		is := rowAt(t.table, t.columns, "x.key = k.key")
		was := strings.ReplaceAll(is, "$2", "$4::bigint")
		parts = append(parts, `SELECT k.key, '`+string(t.kind)+`', coalesce((SELECT `+t.there+` FROM (`+was+`) v), false), coalesce((SELECT `+t.there+` FROM (`+is+`) v), false)
FROM unnest($3::bigint[]) k (key) JOIN read.`+t.table+` n ON n.ws = $1 AND n.key = k.key`)
	}
	return strings.Join(parts, "\nUNION ALL\n")
}()

// kindCondition is that c.entity is of one of the kinds.
func kindCondition(kinds []domain.Kind) string {
	if len(kinds) == 0 {
		return "true"
	}
	any := []string{"false"}
	for _, k := range kinds {
		table := map[domain.Kind]string{domain.KindPipelineVersion: "pipeline_versions"}[k]
		for _, t := range changeTables {
			if t.kind == k {
				table = t.table
			}
		}
		switch {
		case k == domain.KindWorkspace:
			any = append(any, "c.entity = 0")
		case table != "":
			any = append(any, "EXISTS (SELECT FROM read."+table+" t WHERE t.ws = $1 AND t.key = c.entity)")
		}
	}
	return "(" + strings.Join(any, " OR ") + ")"
}

// A candidate is a thing that may differ.
type candidate struct {
	first, last domain.Revision
	key         int64
	kind        domain.Kind
	was, is     bool
}

func (c candidate) mark() Mark { return Mark{Value: strconv.FormatInt(int64(c.first), 10), Key: c.key} }

// candidates reads some of the things that changed after q.From, by their first change, from a mark on.
func (d *DB) candidates(ctx context.Context, m Moment, q DiffQuery, after *Mark, limit int) ([]candidate, error) {
	b := bindsOf(m)
	from := b.of(q.From)
	dir, beyond := " ASC", " > "
	if q.Page.Back {
		dir, beyond = " DESC", " < "
	}
	keyset := "true"
	if after != nil {
		first, err := strconv.ParseInt(after.Value, 10, 64)
		if err != nil {
			return nil, invalid("the cursor is of another order")
		}
		keyset = "(c.revision, c.entity)" + beyond + "(" + b.of(first) + "::bigint, " + b.of(after.Key) + "::bigint)"
	}
	text := `SELECT c.revision, c.entity, (SELECT l.revision FROM read.changes l WHERE l.ws = $1 AND l.entity = c.entity AND l.revision <= $2 ORDER BY l.revision DESC LIMIT 1)
FROM read.changes c WHERE c.ws = $1 AND c.revision > ` + from + ` AND c.revision <= $2 AND ` + keyset + ` AND ` + kindCondition(q.Kinds) + `
AND NOT EXISTS (SELECT FROM read.changes e WHERE e.ws = $1 AND e.entity = c.entity AND e.revision > ` + from + ` AND e.revision < c.revision)
ORDER BY c.revision` + dir + `, c.entity` + dir + ` LIMIT ` + strconv.Itoa(limit)
	found, err := ask(ctx, d, m, "find what changed", text, b, func(row pgx.CollectableRow) (c candidate, err error) {
		err = row.Scan(&c.first, &c.key, &c.last)
		return c, err
	})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found, d.stand(ctx, m, q.From, found)
}

// stand finds out what candidates are, and when they are there.
func (d *DB) stand(ctx context.Context, m Moment, from domain.Revision, found []candidate) error {
	at := make(map[int64]*candidate, len(found))
	for i := range found {
		at[found[i].key] = &found[i]
	}
	_, err := list(ctx, d, m, "look what there was", standingSQL, func(row pgx.CollectableRow) (struct{}, error) {
		var key int64
		var x candidate
		err := row.Scan(&key, &x.kind, &x.was, &x.is)
		if c := at[key]; c != nil {
			c.kind, c.was, c.is = x.kind, x.was, x.is
		}
		return struct{}{}, err
	}, keysOf(found, func(c candidate) int64 { return c.key }), from)
	if err != nil {
		return err
	}
	c := at[0]
	if c == nil {
		return nil
	}
	before := m
	before.Revision = from
	was, ok, err := d.Workspace(ctx, before)
	if err != nil {
		return err
	}
	c.was = ok && !was.Deleted
	is, ok, err := d.Workspace(ctx, m)
	c.kind, c.is = domain.KindWorkspace, ok && !is.Deleted
	return err
}

// Diff reads a page of what differs between a revision and the moment, by the first change of each thing.
func (d *DB) Diff(ctx context.Context, m Moment, q DiffQuery) (List[Difference], error) {
	limit := q.Page.limit()
	var rows []Sorted[Difference]
	for after, batch := q.Page.After, limit+1; len(rows) <= limit; batch = min(2*batch, MaxPage) {
		found, err := d.candidates(ctx, m, q, after, batch)
		if err != nil {
			return List[Difference]{}, err
		}
		differ, err := d.differences(ctx, m, q, found, limit+1-len(rows))
		if err != nil {
			return List[Difference]{}, err
		}
		rows = append(rows, differ...)
		if len(found) < batch {
			break
		}
		mark := found[len(found)-1].mark()
		after = &mark
	}
	named := make([]*Difference, len(rows))
	for i := range rows {
		named[i] = &rows[i].Row
	}
	return pageOf(q.Page, rows), d.nameDifferences(ctx, m, named)
}

// differences are the candidates that differ, most at most, their fields yet without names.
func (d *DB) differences(ctx context.Context, m Moment, q DiffQuery, found []candidate, most int) ([]Sorted[Difference], error) {
	var out []Sorted[Difference]
	for len(found) > 0 && len(out) < most {
		some := found[:min(len(found), most)]
		found = found[len(some):]
		before, after, err := d.bothSides(ctx, m, q.From, some)
		if err != nil {
			return nil, err
		}
		for _, c := range some {
			x := Difference{Node: Node{Kind: c.kind, Key: c.key}, First: c.first, Last: c.last, Change: c.change()}
			if x.Change == "" || len(q.Changes) > 0 && !slices.Contains(q.Changes, x.Change) {
				continue
			}
			x.Fields = compareFields(fieldsOf(before[c.key]), fieldsOf(after[c.key]))
			if (x.Change != Changed || len(x.Fields) > 0) && len(out) < most {
				out = append(out, Sorted[Difference]{Row: x, Mark: c.mark()})
			}
		}
	}
	return out, nil
}

// change is what became of a candidate; empty: it was there neither before nor after.
func (c candidate) change() Change {
	switch {
	case c.was && c.is:
		return Changed
	case c.is:
		return Created
	case c.was:
		return Removed
	}
	return ""
}

// bothSides reads candidates where they are there.
func (d *DB) bothSides(ctx context.Context, m Moment, from domain.Revision, some []candidate) (before, after map[int64]*Entity, err error) {
	var was, is []Node
	for _, c := range some {
		if n := (Node{Kind: c.kind, Key: c.key}); c.kind != "" {
			if c.was {
				was = append(was, n)
			}
			if c.is {
				is = append(is, n)
			}
		}
	}
	earlier := m
	earlier.Revision = from
	if before, err = d.Entities(ctx, earlier, was); err != nil {
		return nil, nil, fmt.Errorf("read what was: %w", err)
	}
	if after, err = d.Entities(ctx, m, is); err != nil {
		return nil, nil, fmt.Errorf("read what is: %w", err)
	}
	return before, after, nil
}

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

// countSome counts candidates. Only those that are there at both moments have to be compared.
func (d *DB) countSome(ctx context.Context, m Moment, q DiffQuery, found []candidate, of map[domain.Kind]*DiffCount) error {
	var both []candidate
	for _, c := range found {
		if c.change() == Changed {
			both = append(both, c)
		}
	}
	before, after, err := d.bothSides(ctx, m, q.From, both)
	if err != nil {
		return err
	}
	for _, c := range found {
		change := c.change()
		if change == "" || len(q.Changes) > 0 && !slices.Contains(q.Changes, change) || change == Changed && len(compareFields(fieldsOf(before[c.key]), fieldsOf(after[c.key]))) == 0 {
			continue
		}
		n := of[c.kind]
		if n == nil {
			n = &DiffCount{Kind: c.kind}
			of[c.kind] = n
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
	return nil
}
