package read

import (
	"context"
	"strconv"
	"strings"

	"github.com/annals-io/annals/domain"
	"github.com/jackc/pgx/v5"
)

// Candidates are the things of which anything changed between two moments. Whether they differ is seen only when both are
// read: see diff.go.

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
