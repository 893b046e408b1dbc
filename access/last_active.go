package access

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
)

const lastActiveSQL = `
SELECT holder, account, max(at) FROM (
	SELECT holder, account, last_used_at AS at FROM log.api_keys WHERE account = ANY($1) AND last_used_at IS NOT NULL
	UNION ALL
	SELECT 'account', account, used_at FROM log.sessions WHERE account = ANY($1)) used
GROUP BY holder, account`

// LastActive is when people and service accounts were last seen: when one of their sessions or keys was last used, to the
// minute, whether it is good still or not. It is no event, and known of the present alone. Who was never seen is left out.
func (k *Keys) LastActive(ctx context.Context, who []domain.Grantee) (map[domain.Grantee]time.Time, error) {
	var ids []uuid.UUID
	for _, g := range who {
		if id, err := uuid.Parse(g.ID); err == nil && g.Kind != domain.TeamGrantee {
			ids = append(ids, id)
		}
	}
	seen := map[domain.Grantee]time.Time{}
	if len(ids) == 0 {
		return seen, nil
	}
	rows, err := k.db.Query(ctx, lastActiveSQL, ids)
	if err != nil {
		return nil, fmt.Errorf("read when people were last active: %w", err)
	}
	var kind domain.GranteeKind
	var id uuid.UUID
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&kind, &id, &at}, func() error {
		seen[domain.Grantee{Kind: kind, ID: id.String()}] = at
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read when people were last active: %w", err)
	}
	return seen, nil
}
