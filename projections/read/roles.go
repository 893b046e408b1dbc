package read

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
)

// A Role is a custom role of a workspace or organization, as its stream defines it.
type Role struct {
	Name        string
	Permissions []domain.Permission
	Description *domain.Text
	Since       domain.Revision // of its last definition
}

var rolesSQL = allAt("roles", "name, permissions, description, since", "true")

func scanRole(row pgx.CollectableRow) (Role, error) {
	var r Role
	var t textRef
	err := row.Scan(&r.Name, &r.Permissions, &t.digest, &r.Since)
	r.Description = t.text()
	return r, err
}

// Roles are the custom roles that are defined at the moment, by name.
func (d *DB) Roles(ctx context.Context, m Moment) ([]Role, error) {
	return list(ctx, d, m, "list the roles", rolesSQL, scanRole)
}

// Roster is who holds which role in a workspace or organization at the moment, and what its custom roles permit: what
// domain.Rosters decides by. It is never nil.
func (d *DB) Roster(ctx context.Context, m Moment) (*domain.Roster, error) {
	members, roles, err := d.rosterRows(ctx, m)
	if err != nil {
		return nil, fmt.Errorf("read the roster of %s: %w", m.Slug, err)
	}
	r := &domain.Roster{Members: map[string][]domain.RoleRef{}, Suspended: map[string]bool{}, Roles: map[string]domain.CustomRole{}}
	for _, x := range members {
		held := make([]domain.RoleRef, len(x.Roles))
		for i, word := range x.Roles {
			if held[i], err = domain.ParseRoleRef(word); err != nil {
				return nil, fmt.Errorf("read the roster of %s: %s holds %q: %w", m.Slug, x.Grantee, word, err)
			}
		}
		r.Members[x.Grantee] = held
		if x.Suspended {
			r.Suspended[x.Grantee] = true
		}
	}
	for _, x := range roles {
		r.Roles[x.Name] = domain.CustomRole{Permissions: x.Permissions}
	}
	return r, nil
}

// rosterRows reads members and roles in one round trip.
func (d *DB) rosterRows(ctx context.Context, m Moment) (members []Member, roles []Role, err error) {
	batch := &pgx.Batch{}
	batch.Queue(d.text(m, membersSQL), m.Number, m.Revision).Query(func(rows pgx.Rows) (err error) {
		members, err = pgx.CollectRows(rows, scanMember)
		return err
	})
	batch.Queue(d.text(m, rolesSQL), m.Number, m.Revision).Query(func(rows pgx.Rows) (err error) {
		roles, err = pgx.CollectRows(rows, scanRole)
		return err
	})
	return members, roles, d.send(ctx, m, batch)
}
