package fold

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Querier reads: a pool, a connection or a transaction.
type Querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// digestTables are the tables with rows of a workspace. Left out are those that say how far projecting has come.
var digestTables = []string{
	"identities", "counters", "totals", "workspaces", "workspaces_was", "pipelines", "pipelines_was", "pipeline_versions",
	"runs", "runs_was", "run_details", "run_details_was", "steps", "steps_was", "attributes", "attributes_was",
	"metrics", "metrics_was", "artifacts", "artifacts_was", "aliases", "artifact_versions", "artifact_versions_was",
	"version_details", "version_details_was", "lineage_edges", "lineage_edges_was", "artifact_edges", "artifact_edges_was",
	"column_lineage", "column_lineage_was", "declared", "declared_was", "audit_entries", "changes", "words",
	"organizations", "organizations_was", "accounts", "accounts_was", "members", "members_was", "roles", "roles_was",
	"teams", "teams_was", "team_members", "team_members_was", "service_accounts", "service_accounts_was", "invitations", "invitations_was",
	"promotions", "promotions_was",
	"life_facts", "io_facts", "io_says", "reads", "last_said", "own_columns", "runs_left",
}

// digestSQL adds up two hashes of each row, so that rows need not be sorted: equal sums of equal counts are equal
// sets of rows.
const digestSQL = `
SELECT count(*) || ':' || coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) || ':' || coalesce(sum(hashtextextended(t::text, 1)::numeric), 0)
FROM %s t WHERE ws = $1`

// Digest is one digest of the rows of a workspace for each table of a model, keys included: the number of rows and
// two sums of hashes. Two models made of the same stream by the same code have the same digests. Compare within one
// session: times are hashed as the session writes them.
func Digest(ctx context.Context, q Querier, schema string, ws int32) (map[string]string, error) {
	out := make(map[string]string, len(digestTables))
	for _, table := range digestTables {
		var d string
		if err := q.QueryRow(ctx, fmt.Sprintf(digestSQL, pgx.Identifier{schema, table}.Sanitize()), ws).Scan(&d); err != nil {
			return nil, fmt.Errorf("digest %s.%s: %w", schema, table, err)
		}
		out[table] = d
	}
	return out, nil
}
