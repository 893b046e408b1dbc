package read

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
)

// A promotion joins a version of one workspace with one of another, and a walk goes on there. What it finds depends on who
// asks: of a workspace that they may not see, the answer holds one node that says how many things lie there.

// Walls say what lies behind the walls of the workspace that a walk begins in, for one who asks.
type Walls interface {
	// Behind opens another workspace at the moment that fits the walk's own.
	Behind(ctx context.Context, slug domain.Slug) (Place, error)
}

// A Place is a workspace that a walk comes to. Its Moment counts where it is Readable.
type Place struct {
	Moment
	Seen bool // whoever asks may see it
	Is   Being
}

// A Being says what there is of a workspace at a moment.
type Being int

// The beings.
const (
	Readable   Being = iota
	NotYet           // it began later
	Unreadable       // its projection stands still before the moment, or is not there in time
)

// KindOpaque is the kind of a node that stands for all that a walk one way reaches in workspaces that whoever asks may
// not see. It has no key: nothing in it tells one such workspace from another.
const KindOpaque domain.Kind = "opaque"

// PromotedRole is the role of an edge from a version that was sent to the one that was received.
const PromotedRole = "promoted"

// opaqueName is what an opaque node is called.
func opaqueName(count int, counted bool) string {
	if !counted {
		return "more in a workspace you cannot see"
	}
	return fmt.Sprintf("%d more in a workspace you cannot see", count)
}

// A crossing leads from a node to a version, or an artifact, of another workspace.
type crossing struct {
	from     int64
	ws       int32 // 0: the other side is not there
	version  int64
	began    domain.Revision // there
	promised bool            // what is known here says that the other side is there
}

// These find the other sides of promotions one way ($4: 1 from where it was received, 0 from where it was sent) of versions
// or artifacts ($3). $5 bounds the rows.
const (
	crossVersionsSQL = `
SELECT p.version, coalesce(o.ws, 0), coalesce(o.version, 0), coalesce(o.began, 0), p.direction = 1 OR p.state = 'promoted' AND p.since <= $2
FROM read.promotions p LEFT JOIN read.promotions o ON o.promotion = p.promotion AND o.ws <> p.ws AND o.direction = 1 - p.direction
WHERE p.ws = $1 AND p.version = ANY($3) AND p.direction = $4 AND p.began <= $2
ORDER BY p.version, o.began, o.ws, o.version LIMIT $5`
	versionArtifactsSQL = `
SELECT k.key, v.artifact FROM unnest($3::bigint[]) k (key) CROSS JOIN LATERAL `
	// wallsSQL says what is now, whatever the moment: a wall that is raised today hides the past, too.
	wallsSQL = `SELECT ws, slug, hides_counts FROM read.workspaces WHERE $1::int IS NOT NULL AND $2::bigint IS NOT NULL AND ws = ANY($3)`
	// anyPromotionSQL says whether a walk has anywhere to cross to.
	anyPromotionSQL = `SELECT EXISTS (SELECT FROM read.promotions WHERE ws = $1 AND began <= $2)`
)

// An artifact goes by several names, and a promotion was made under one of them.
var crossArtifactsSQL = `
SELECT f.key, coalesce(o.ws, 0), coalesce(o.version, 0), coalesce(o.began, 0), p.direction = 1 OR p.state = 'promoted' AND p.since <= $2
FROM unnest($3::bigint[]) f (key) JOIN read.artifacts c ON c.ws = $1 AND c.key = f.key JOIN read.artifacts a ON a.ws = $1 AND a.canonical = c.canonical
JOIN read.promotions p ON p.ws = $1 AND p.artifact = a.key AND p.direction = $4 AND p.began <= $2
LEFT JOIN read.promotions o ON o.promotion = p.promotion AND o.ws <> p.ws AND o.direction = 1 - p.direction
WHERE ` + canonicalAt("a.key") + ` = f.key
ORDER BY f.key, o.began, o.ws, o.version LIMIT $5`

var artifactOfEachSQL = versionArtifactsSQL + `(` + rowAt("artifact_versions", "artifact", "x.key = k.key") + `) v`

// crossings are those from nodes of a walk one way, at most bound; cut says that there are more.
func (d *DB) crossings(ctx context.Context, m Moment, g Granularity, to way, nodes []int64, bound int) (found []crossing, cut bool, err error) {
	statement, direction := crossVersionsSQL, 0
	if g == ByArtifact {
		statement = crossArtifactsSQL
	}
	if to == up {
		direction = 1
	}
	found, err = across(ctx, d, m, "find what promotions join", statement, func(row pgx.CollectableRow) (c crossing, err error) {
		err = row.Scan(&c.from, &c.ws, &c.version, &c.began, &c.promised)
		return c, err
	}, nodes, direction, bound)
	return found, len(found) == bound, err
}

// artifactOfEach are the artifacts of versions, by version.
func (d *DB) artifactOfEach(ctx context.Context, m Moment, versions []int64) (map[int64]int64, error) {
	pairs, err := list(ctx, d, m, "read the artifacts of versions", artifactOfEachSQL, scanPair, versions)
	out := make(map[int64]int64, len(pairs))
	for _, p := range pairs {
		out[p[0]] = p[1]
	}
	return out, err
}

// A wall is what a workspace shows of itself to those who may not see it.
type wall struct {
	slug        domain.Slug
	hidesCounts bool
}

// walls are those of workspaces, by number.
func (d *DB) walls(ctx context.Context, m Moment, numbers []int32) (map[int32]wall, error) {
	out := map[int32]wall{}
	_, err := across(ctx, d, m, "read the walls of workspaces", wallsSQL, func(row pgx.CollectableRow) (n int32, err error) {
		var w wall
		err = row.Scan(&n, &w.slug, &w.hidesCounts)
		out[n] = w
		return n, err
	}, numbers)
	return out, err
}

// joined says whether the workspace took part in a promotion by the moment.
func (d *DB) joined(ctx context.Context, m Moment) (bool, error) {
	found, err := list(ctx, d, m, "look for promotions", anyPromotionSQL, pgx.RowTo[bool])
	return len(found) > 0 && found[0], err
}
