package projections

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
)

const memberOfSQL = `
SELECT coalesce(w.slug, 'organization/' || o.slug) FROM read.members m
LEFT JOIN read.workspaces w ON w.ws = m.ws AND NOT w.deleted
LEFT JOIN read.organizations o ON o.ws = m.ws
WHERE m.member = $1 AND (w.slug IS NOT NULL OR o.slug IS NOT NULL)`

// PlacesOf answers every workspace and organization where somebody may hold a role directly: those where the live model
// has them as a member, and those of which it has not all there is, since they may have become one there. Whoever must
// know looks at each in the log.
func (e *Engine) PlacesOf(ctx context.Context, who domain.Grantee) (workspaces, organizations []domain.Slug, err error) {
	m, err := e.liveModel(ctx)
	if err != nil {
		return nil, nil, err
	}
	standings, err := e.standings(ctx, nil) // before the members are read: what is behind by then is asked about, too
	if err != nil {
		return nil, nil, err
	}
	rows, _ := e.Pool.Query(ctx, inSchema(memberOfSQL, m.Schema), who.String())
	slugs, err := pgx.CollectRows(rows, pgx.RowTo[domain.Slug])
	if err != nil {
		return nil, nil, fmt.Errorf("list where %s is a member: %w", who, err)
	}
	seen := map[domain.Slug]bool{}
	for _, s := range standings {
		if s.Applied < s.Head {
			slugs = append(slugs, s.Workspace)
		}
	}
	for _, slug := range slugs {
		if seen[slug] {
			continue
		}
		seen[slug] = true
		switch org, is := OrganizationOf(slug); {
		case is:
			organizations = append(organizations, org)
		case IsWorkspace(slug):
			workspaces = append(workspaces, slug)
		}
	}
	return workspaces, organizations, nil
}
