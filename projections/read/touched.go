package read

import (
	"context"

	"github.com/annals-io/annals/domain"
	"github.com/jackc/pgx/v5"
)

const touchedSQL = `
SELECT k.key, a.revision FROM unnest($3::bigint[]) k (key) CROSS JOIN LATERAL (
	SELECT revision FROM read.audit_entries WHERE ws = $1 AND subject = k.key AND revision <= $2
	ORDER BY revision DESC LIMIT 1) a`

// Touched reads the revision of the last event about each thing, by key; a thing that no event is about is left out.
// It is what the optimistic lock of a command is held against.
func (d *DB) Touched(ctx context.Context, m Moment, keys []int64) (map[int64]domain.Revision, error) {
	rows, err := list(ctx, d, m, "find the last events about things", touchedSQL, pgx.RowToStructByPos[struct {
		Key      int64
		Revision domain.Revision
	}], keys)
	out := make(map[int64]domain.Revision, len(rows))
	for _, r := range rows {
		out[r.Key] = r.Revision
	}
	return out, err
}
