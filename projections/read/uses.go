package read

import (
	"context"
	"strconv"

	"github.com/annals-io/annals/domain"
	"github.com/jackc/pgx/v5"
)

// A Use says that an execution read (an input) or wrote (an output) a version.
type Use struct {
	Execution int64
	Version   int64
	Role      string
	Position  int
	Since     domain.Revision
}

const usesSQL = `
SELECT e.execution, e.version, e.role, e.position, e.since FROM unnest($3::bigint[]) k (key) CROSS JOIN LATERAL (
	SELECT * FROM (
		SELECT execution, version, role, position, since FROM read.lineage_edges
		WHERE ws = $1 AND execution = k.key AND direction = $4 AND since <= $2
		UNION ALL
		SELECT execution, version, role, position, since FROM read.lineage_edges_was
		WHERE ws = $1 AND execution = k.key AND direction = $4 AND since <= $2 AND until > $2) u
	ORDER BY position, role, version LIMIT $5) e`

// Inputs reads what executions read, by key of the execution, by position and role; limit bounds each one's.
func (d *DB) Inputs(ctx context.Context, m Moment, executions []int64, limit int) (map[int64][]Use, error) {
	return d.uses(ctx, m, executions, 0, limit)
}

// Outputs reads what executions wrote, by key of the execution, by position and role; limit bounds each one's.
func (d *DB) Outputs(ctx context.Context, m Moment, executions []int64, limit int) (map[int64][]Use, error) {
	return d.uses(ctx, m, executions, 1, limit)
}

func (d *DB) uses(ctx context.Context, m Moment, executions []int64, direction, limit int) (map[int64][]Use, error) {
	found, err := list(ctx, d, m, "read what executions used", usesSQL, scanUse, executions, direction, limit)
	return group(found, func(u Use) int64 { return u.Execution }), err
}

func scanUse(row pgx.CollectableRow) (Use, error) {
	var u Use
	err := row.Scan(&u.Execution, &u.Version, &u.Role, &u.Position, &u.Since)
	return u, err
}

// fromUsers are the executions at the other end of a version's edges: column execution.
func fromUsers(b *binds, version int64, direction int, keyset string) string {
	v, way := b.of(version), strconv.Itoa(direction)
	return ` FROM (
	SELECT execution FROM read.lineage_edges WHERE ws = $1 AND version = ` + v + ` AND direction = ` + way + ` AND since <= $2 AND ` + keyset + `
	UNION
	SELECT execution FROM read.lineage_edges_was WHERE ws = $1 AND version = ` + v + ` AND direction = ` + way + ` AND since <= $2 AND until > $2 AND ` + keyset + `) u`
}

// Consumers reads a page of the executions that read a version, in the order in which they were first named.
func (d *DB) Consumers(ctx context.Context, m Moment, version int64, p Page) (List[Execution], error) {
	return d.users(ctx, m, version, 0, p)
}

// Producers reads a page of the executions that wrote a version: one, save where names were united.
func (d *DB) Producers(ctx context.Context, m Moment, version int64, p Page) (List[Execution], error) {
	return d.users(ctx, m, version, 1, p)
}

func (d *DB) users(ctx context.Context, m Moment, version int64, direction int, p Page) (List[Execution], error) {
	b := bindsOf(m)
	keyset, order := keyPage(p, &b, "execution", false)
	text := "SELECT execution" + fromUsers(&b, version, direction, keyset) + " ORDER BY " + order + " LIMIT " + strconv.Itoa(p.limit()+1)
	keys, err := ask(ctx, d, m, "list users of a version", text, b, pgx.RowTo[int64])
	if err != nil {
		return List[Execution]{}, err
	}
	found, err := d.ExecutionsByKey(ctx, m, keys)
	if err != nil {
		return List[Execution]{}, err
	}
	all := byKey(found, Execution.Key)
	rows := make([]Sorted[Execution], 0, len(keys))
	for _, k := range keys {
		if e, ok := all[k]; ok {
			rows = append(rows, Sorted[Execution]{Row: e, Mark: Mark{Key: k}})
		}
	}
	return pageOf(p, rows), nil
}

// CountConsumers counts the executions that read a version; it stops at most + 1.
func (d *DB) CountConsumers(ctx context.Context, m Moment, version int64, most int) (int, error) {
	b := bindsOf(m)
	text := "SELECT" + fromUsers(&b, version, 0, "true")
	return count(ctx, d, m, "count consumers of a version", text, b, most)
}

// VersionsOfRun reads a page of the versions that a run, its steps and the runs nested in it read or wrote, in the
// order in which they were first named.
func (d *DB) VersionsOfRun(ctx context.Context, m Moment, run int64, p Page) (List[Version], error) {
	b := bindsOf(m)
	keyset, order := keyPage(p, &b, "u.version", false)
	text, b, err := d.ofParts(ctx, m, run, b)
	if err != nil {
		return List[Version]{}, err
	}
	rows, err := ask(ctx, d, m, "list versions of a run", `SELECT `+columns("r", versionColumns)+text+`
		CROSS JOIN LATERAL (`+rowAt("artifact_versions", versionColumns, "x.key = u.version")+`) r
		WHERE `+keyset+" ORDER BY "+order+" LIMIT "+strconv.Itoa(p.limit()+1), b, scanVersion)
	return pageOf(p, sortedByKey(rows, func(v Version) int64 { return v.Key })), err
}

// CountVersionsOfRun counts them; it stops at most + 1.
func (d *DB) CountVersionsOfRun(ctx context.Context, m Moment, run int64, most int) (int, error) {
	text, b, err := d.ofParts(ctx, m, run, bindsOf(m))
	if err != nil {
		return 0, err
	}
	return count(ctx, d, m, "count versions of a run", "SELECT"+text, b, most)
}

// maxParts is how many steps and nested runs of a run are looked at.
const maxParts = 10_000

// parts are a run, the runs nested in it and the steps of all of these, at the moment.
func (d *DB) parts(ctx context.Context, m Moment, run int64, most int) ([]int64, error) {
	return list(ctx, d, m, "find the parts of a run", rootRunsSQL, pgx.RowTo[int64], []int64{run}, lastKey(m.Revision), most)
}

// ofParts is a query for the versions (u.version) of the parts of a run.
func (d *DB) ofParts(ctx context.Context, m Moment, run int64, b binds) (string, binds, error) {
	parts, err := d.parts(ctx, m, run, maxParts)
	if err != nil {
		return "", nil, err
	}
	text := ` FROM (
	SELECT DISTINCT e.version FROM unnest(` + b.of(parts) + `::bigint[]) k (key) CROSS JOIN LATERAL (
		SELECT version FROM read.lineage_edges WHERE ws = $1 AND execution = k.key AND since <= $2
		UNION ALL
		SELECT version FROM read.lineage_edges_was WHERE ws = $1 AND execution = k.key AND since <= $2 AND until > $2) e) u`
	return text, b, nil
}
