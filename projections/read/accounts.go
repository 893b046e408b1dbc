package read

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"

	"github.com/annals-io/annals/domain"
)

// An Account is what there is to know of a person.
type Account struct {
	ID       uuid.UUID
	Name     *domain.Personal // sealed; nil: none was given
	Disabled bool             // nothing of theirs opens anything
	Since    domain.Revision  // of the account's own stream
}

func scanAccount(row pgx.CollectableRow) (Account, error) {
	var x Account
	var subject string
	var sealed []byte
	err := row.Scan(&x.ID, (*zeronull.Text)(&subject), &sealed, &x.Disabled, &x.Since)
	x.Name = personal(subject, sealed)
	return x, err
}

const accountsSQL = `SELECT id, subject, name, disabled, since FROM read.accounts WHERE $1::int IS NOT NULL AND $2::bigint IS NOT NULL AND id = ANY($3)`

// Accounts are people as they are now, by id; whom nobody registered is left out. They are asked about where they are
// members of the moment's place, which says nothing of how they were then: see [DB.Account].
func (d *DB) Accounts(ctx context.Context, m Moment, accounts []uuid.UUID) (map[uuid.UUID]Account, error) {
	if len(accounts) == 0 {
		return nil, nil
	}
	found, err := across(ctx, d, m, "read the people", accountsSQL, scanAccount, accounts)
	people := make(map[uuid.UUID]Account, len(found))
	for _, a := range found {
		people[a.ID] = a
	}
	return people, err
}

var accountSQL = rowAt("accounts", "id, subject, name, disabled, since", "true")

// Account is a person at a moment of their own account's stream; ok is false before its first event.
func (d *DB) Account(ctx context.Context, m Moment) (a Account, ok bool, err error) {
	found, err := list(ctx, d, m, "read the account", accountSQL, scanAccount)
	if err != nil || len(found) == 0 {
		return a, false, err
	}
	return found[0], true, nil
}
