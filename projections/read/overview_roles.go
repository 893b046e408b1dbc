package read

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"

	"github.com/annals-io/annals/domain"
)

// A rosterRow is a row of members: of whoever asks, or one of their teams.
type rosterRow struct {
	In        domain.Level
	Member    string
	Roles     []string
	Suspended bool
}

// A customRow is a custom role that one of them holds.
type customRow struct {
	In          domain.Level
	Name        string
	Permissions []domain.Permission
}

// scanOverview reads a row. known are the answers of the rows before by what their rosters say: most workspaces of a page
// are held alike.
func scanOverview(row pgx.CollectableRow, who domain.Grantee, known map[string][]domain.Source) (o Overview, err error) {
	var teams []string
	var rosters, customs json.RawMessage
	o.Workspace, err = scanWorkspace(within{row, []any{&o.At.Number, &o.At.Revision, &o.At.Time, &o.Applied}, []any{
		&o.Members, &o.Totals.Pipelines, &o.Totals.Runs, &o.Totals.Steps, &o.Totals.Artifacts, &o.Totals.Versions, &teams, &rosters, &customs, (*zeronull.Timestamptz)(&o.ChangedAt)}})
	if err != nil {
		return o, err
	}
	o.At.Slug = o.Slug
	key := strings.Join(teams, "\x00") + "\x00" + string(rosters) + string(customs)
	sources, ok := known[key]
	if !ok {
		if sources, err = through(who, teams, rosters, customs); err != nil {
			return o, err
		}
		known[key] = sources
	}
	o.Through = sources
	return o, nil
}

// within is a row in which the columns of a workspace stand between others.
type within struct {
	pgx.CollectableRow
	before, after []any
}

// Scan reads the columns of the workspace into to, and the others where they go.
func (w within) Scan(to ...any) error {
	return w.CollectableRow.Scan(slices.Concat(w.before, to, w.after)...)
}

// through puts the rows of rosters together as far as they concern somebody, and says what they hold by them.
func through(who domain.Grantee, teams []string, rosters, customs json.RawMessage) ([]domain.Source, error) {
	var held []rosterRow
	var roles []customRow
	if err := errors.Join(json.Unmarshal(rosters, &held), json.Unmarshal(customs, &roles)); err != nil {
		return nil, fmt.Errorf("read the rosters of a workspace: %w", err)
	}
	empty := func() *domain.Roster {
		return &domain.Roster{Members: map[string][]domain.RoleRef{}, Suspended: map[string]bool{}, Roles: map[string]domain.CustomRole{}}
	}
	of := map[domain.Level]*domain.Roster{domain.WorkspaceLevel: empty(), domain.OrganizationLevel: empty()}
	for _, h := range held {
		var refs []domain.RoleRef
		for _, word := range h.Roles {
			ref, err := domain.ParseRoleRef(word)
			if err != nil {
				return nil, fmt.Errorf("read the roles of %s: %w", h.Member, err)
			}
			refs = append(refs, ref)
		}
		of[h.In].Members[h.Member], of[h.In].Suspended[h.Member] = refs, h.Suspended
	}
	for _, r := range roles {
		of[r.In].Roles[r.Name] = domain.CustomRole{Permissions: r.Permissions}
	}
	all := domain.Rosters{Workspace: of[domain.WorkspaceLevel], Organization: of[domain.OrganizationLevel], Teams: map[string]bool{}}
	for _, t := range teams {
		all.Teams[strings.TrimPrefix(t, string(domain.TeamGrantee)+":")] = true
	}
	sources, _ := all.Effective(who)
	return sources, nil
}
