package read

import (
	"context"
	"fmt"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/jackc/pgx/v5"
)

// A Moment is a workspace at one revision of its stream, in one model. Everything that is read for one answer about
// the workspace is read at one Moment.
type Moment struct {
	Slug     domain.Slug     // of the workspace
	Number   int32           // of the workspace, in the tables
	Schema   string          // Postgres schema of the model
	Revision domain.Revision // the state right after this event; [domain.NoRevision]: before the first
	Time     time.Time       // when that event was recorded; zero without events
	Settled  bool            // asking for the same time again will give the same revision

	sake  domain.Slug // what it is read for, where that is another place; see For
	blind bool        // nothing but numbers is given out of what is read at it
}

// keysPerRevision is how many things one event may name: see domain.MaxNames.
const keysPerRevision = domain.MaxNames

// KeyRevision is the revision of the event that first named a thing.
func KeyRevision(key int64) domain.Revision { return domain.Revision(key / keysPerRevision) }

// lastKey is the largest key that a thing can have which existed at the revision.
func lastKey(n domain.Revision) int64 { return int64(n)*keysPerRevision + keysPerRevision - 1 }

// Recorded times rise along a stream: the last entry of the index by a time is the last event by then.
const revisionAtSQL = `
SELECT least(revision, $2) FROM read.audit_entries
WHERE ws = $1 AND recorded_at <= $3
ORDER BY recorded_at DESC LIMIT 1`

// RevisionAt is the last revision, at the moment or before, that was recorded at that time or before;
// [domain.NoRevision] where there is none.
func (d *DB) RevisionAt(ctx context.Context, m Moment, at time.Time) (domain.Revision, error) {
	found, err := list(ctx, d, m, "find the revision at "+at.Format(time.RFC3339Nano), revisionAtSQL, pgx.RowTo[int64], at)
	if err != nil || len(found) == 0 {
		return domain.NoRevision, err
	}
	return domain.Revision(found[0]), nil
}

const recordedAtSQL = `
SELECT revision, recorded_at FROM read.audit_entries WHERE ws = $1 AND revision <= $2 AND revision = ANY($3)`

// RecordedAt says when the events of those revisions were recorded; later ones than the moment's are left out.
func (d *DB) RecordedAt(ctx context.Context, m Moment, revisions []domain.Revision) (map[domain.Revision]time.Time, error) {
	times := make(map[domain.Revision]time.Time, len(revisions))
	err := d.query(ctx, m, false, d.text(m, recordedAtSQL), []any{m.Number, m.Revision, revisions}, func(rows pgx.Rows) error {
		var n domain.Revision
		var at time.Time
		_, err := pgx.ForEachRow(rows, []any{&n, &at}, func() error {
			times[n] = at
			return nil
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the times of revisions of %s: %w", m.Slug, err)
	}
	return times, nil
}

// keyAt is the least key of things that were first recorded at that time or later: times of creation are ranges of
// keys.
func (d *DB) keyAt(ctx context.Context, m Moment, at time.Time) (int64, error) {
	n, err := d.RevisionAt(ctx, m, at.Add(-time.Microsecond))
	return (int64(n) + 1) * keysPerRevision, err
}
