package read

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
)

// A First is the first event of its kind in a stream: when it was recorded, and who made it happen.
type First struct {
	Revision domain.Revision
	At       time.Time
	Actor    domain.Actor
}

func scanFirst(row pgx.CollectableRow) (First, error) {
	var f First
	err := row.Scan(&f.Revision, &f.At, &f.Actor.Kind, &f.Actor.ID)
	return f, err
}

// One probe of the index for each type: a workspace may have a million events of each.
const firstSQL = `
SELECT e.* FROM unnest($3::text[]) t (type) CROSS JOIN LATERAL (
	SELECT revision, recorded_at, actor_kind, actor_id FROM read.audit_entries WHERE ws = $1 AND revision <= $2 AND type = t.type ORDER BY revision LIMIT 1) e
ORDER BY e.revision LIMIT 1`

// FirstOf is the first event of one of those types; nil: there was none by the moment.
func (d *DB) FirstOf(ctx context.Context, m Moment, types ...string) (*First, error) {
	return firstOf(list(ctx, d, m, "find the first "+strings.Join(types, " or "), firstSQL, scanFirst, types))
}

// secondMemberSQL adds up who came and who left, revision by revision, and finds where there were two for the first time.
const secondMemberSQL = `
WITH moves AS (
	SELECT since AS revision, 1 AS n FROM read.members WHERE ws = $1 AND since <= $2
	UNION ALL SELECT since, 1 FROM read.members_was WHERE ws = $1 AND since <= $2
	UNION ALL SELECT until, -1 FROM read.members_was WHERE ws = $1 AND until <= $2),
counts AS (SELECT revision, sum(sum(n)) OVER (ORDER BY revision) AS n FROM moves GROUP BY revision)
SELECT e.revision, e.recorded_at, e.actor_kind, e.actor_id FROM read.audit_entries e
WHERE e.ws = $1 AND e.revision = (SELECT min(revision) FROM counts WHERE n >= 2)`

// SecondMember is the event with which a workspace or organization had two members for the first time; nil: it had not by
// the moment.
func (d *DB) SecondMember(ctx context.Context, m Moment) (*First, error) {
	return firstOf(list(ctx, d, m, "find the second member", secondMemberSQL, scanFirst))
}

func firstOf(found []First, err error) (*First, error) {
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}
