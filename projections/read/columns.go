package read

import (
	"context"

	"github.com/annals-io/annals/domain"
	"github.com/jackc/pgx/v5"
)

// A ColumnEdge says that a field of one artifact was made from a field of another. An empty TargetField means the
// whole artifact.
type ColumnEdge struct {
	Target      int64
	TargetField string
	Source      int64
	SourceField string
	Pipeline    int64 // that said so
	Kind        string
	Subtype     string
	Masking     bool
	Since       domain.Revision
}

const columnEdgeColumns = `target, target_field, source, source_field, pipeline, kind, subtype, masking, since`

func columnEdgesSQL(end string) string {
	return `
SELECT ` + columnEdgeColumns + ` FROM read.column_lineage
WHERE ws = $1 AND ` + end + ` = ` + canonicalAt("$3") + ` AND ($4::text IS NULL OR ` + end + `_field = $4) AND since <= $2
UNION ALL
SELECT ` + columnEdgeColumns + ` FROM read.column_lineage_was
WHERE ws = $1 AND ` + end + ` = ` + canonicalAt("$3") + ` AND ($4::text IS NULL OR ` + end + `_field = $4) AND since <= $2 AND until > $2
ORDER BY 2, 3, 4, 1, 5, 6, 7 LIMIT $5`
}

var columnSourcesSQL, columnTargetsSQL = columnEdgesSQL("target"), columnEdgesSQL("source")

// ColumnSources reads what the fields of an artifact were made from, by field; nil means every field.
func (d *DB) ColumnSources(ctx context.Context, m Moment, artifact int64, field *string, limit int) ([]ColumnEdge, error) {
	return list(ctx, d, m, "read column lineage", columnSourcesSQL, scanColumnEdge, artifact, field, limit)
}

// ColumnTargets reads what was made from the fields of an artifact; nil means every field.
func (d *DB) ColumnTargets(ctx context.Context, m Moment, artifact int64, field *string, limit int) ([]ColumnEdge, error) {
	return list(ctx, d, m, "read column lineage", columnTargetsSQL, scanColumnEdge, artifact, field, limit)
}

func scanColumnEdge(row pgx.CollectableRow) (ColumnEdge, error) {
	var e ColumnEdge
	err := row.Scan(&e.Target, &e.TargetField, &e.Source, &e.SourceField, &e.Pipeline, &e.Kind, &e.Subtype, &e.Masking, &e.Since)
	return e, err
}
