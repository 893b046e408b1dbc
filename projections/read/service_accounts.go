package read

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
)

// A ServiceAccount is an account of an organization that no person signs in with.
type ServiceAccount struct {
	ID          uuid.UUID
	Name        string
	Description *domain.Text
	Since       domain.Revision
}

var serviceAccountsSQL = allAt("service_accounts", "id::text, name, description, since", "true")

// ServiceAccounts are the service accounts that there are at the moment, by id.
func (d *DB) ServiceAccounts(ctx context.Context, m Moment) ([]ServiceAccount, error) {
	return list(ctx, d, m, "list the service accounts", serviceAccountsSQL, func(row pgx.CollectableRow) (ServiceAccount, error) {
		var x ServiceAccount
		var t textRef
		var id string
		err := row.Scan(&id, &x.Name, &t.digest, &x.Since)
		if err == nil {
			x.ID, err = uuid.Parse(id)
		}
		x.Description = t.text()
		return x, err
	})
}
