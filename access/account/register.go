package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/annals-io/annals/domain"
)

// A Wish is a new account as it is asked for.
type Wish struct {
	Login    string // in its one form; empty: none
	Password string // in PHC form; empty: none
	Name     string // for people
	Email    string
	Slug     string // of the personal organization; empty: made of the account's id, so that it names nobody
	Issuer   string // who vouches for the person, under which subject; empty: nobody
	Subject  string
}

// reservation is how long a name is held for a registration that nobody finished.
const reservation = 10 * time.Minute

// A row that nobody finished gives way after a while.
const reserveSQL = `
INSERT INTO log.accounts (account, login, name, email, password, password_at, state, slug, created_at)
VALUES ($1, $2, $3, $4, $5, CASE WHEN $5::text IS NOT NULL THEN $6::timestamptz END, 'reserved', $7, $6)`

const abandonedSQL = `DELETE FROM log.accounts WHERE login = $1 AND state = 'reserved' AND created_at < $2`

const vouchSQL = `INSERT INTO log.identities (issuer, subject, account, linked_at) VALUES ($1, $2, $3, $4)`

const releaseSQL = `DELETE FROM log.accounts WHERE account = $1 AND state = 'reserved'`

const claimSQL = `UPDATE log.accounts SET state = 'claimed' WHERE account = $1 AND state = 'reserved'`

// Register makes an account. use is what lets the person in, told the id that the account will have: it is used up
// between reserving the name and making the rest, so that one invitation or link makes one account, and none where it
// was not good. A nil use lets everybody in.
func (a *Accounts) Register(ctx context.Context, w Wish, use func(ctx context.Context, id uuid.UUID) error) (Account, error) {
	name, err := title(w.Name)
	if err != nil {
		return Account{}, err
	}
	if w.Slug != "" {
		if _, err := domain.ParseSlug(w.Slug); err != nil {
			return Account{}, err
		}
	}
	id, err := uuid.NewRandom()
	if err != nil {
		return Account{}, fmt.Errorf("name a new account: %w", err)
	}
	w.Name = name
	if err := a.reserve(ctx, id, w); err != nil {
		return Account{}, err
	}
	if use != nil {
		if err := use(ctx, id); err != nil {
			a.release(ctx, id)
			return Account{}, err
		}
	}
	if _, err := a.cfg.DB.Exec(ctx, claimSQL, id); err != nil {
		return Account{}, fmt.Errorf("register account %s: %w", id, err)
	}
	made, ok, err := a.Find(ctx, id)
	if err != nil || !ok {
		return Account{}, errors.Join(err, fmt.Errorf("register account %s: it is gone", id))
	}
	return a.Finish(ctx, made)
}

func (a *Accounts) reserve(ctx context.Context, id uuid.UUID, w Wish) error {
	now := a.now()
	err := pgx.BeginFunc(ctx, a.cfg.DB, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, abandonedSQL, w.Login, now.Add(-reservation)); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, reserveSQL, id, optional(w.Login), w.Name, optional(w.Email), optional(w.Password), now, w.Slug); err != nil {
			return err
		}
		if w.Issuer == "" {
			return nil
		}
		_, err := tx.Exec(ctx, vouchSQL, w.Issuer, w.Subject, id, now)
		return err
	})
	return takenOr(err)
}

// takenOr says of a name or identity that somebody else has that it is taken.
func takenOr(err error) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code != "23505" {
		if err != nil {
			return fmt.Errorf("write an account: %w", err)
		}
		return nil
	}
	if pg.ConstraintName == "accounts_login" {
		return &domain.Error{Code: domain.AlreadyExists, Subject: "login", Message: "that name is taken: choose another one"}
	}
	return &domain.Error{Code: domain.AlreadyExists, Subject: "identity", Message: "that identity belongs to another account"}
}

// release gives a name back. Where that fails it is free again after a while.
func (a *Accounts) release(ctx context.Context, id uuid.UUID) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_, _ = a.cfg.DB.Exec(ctx, releaseSQL, id)
}

const finishSQL = `UPDATE log.accounts SET organization = $2, default_workspace = $3, state = 'active' WHERE account = $1`

// Finish makes what an account still lacks: the event that opens its stream, its identity's, and its organization.
func (a *Accounts) Finish(ctx context.Context, was Account) (Account, error) {
	if was.State != claimed {
		return was, nil
	}
	name, err := a.cfg.Sealer.Seal(was.ID.String(), was.Name)
	if err != nil {
		return was, fmt.Errorf("seal the name of account %s: %w", was.ID, err)
	}
	if err := a.do(ctx, was.ID, Self(was.ID), "", domain.RegisterAccount{Account: was.ID, Name: &name}); err != nil {
		return was, fmt.Errorf("register account %s: %w", was.ID, err)
	}
	identities, err := a.Identities(ctx, was.ID)
	if err != nil {
		return was, err
	}
	for _, one := range identities {
		if err := a.do(ctx, was.ID, Self(was.ID), "", domain.LinkIdentity{Account: was.ID, Issuer: one.Issuer, Identity: one.Digest()}); err != nil {
			return was, fmt.Errorf("register account %s: %w", was.ID, err)
		}
	}
	organization, workspace, err := a.cfg.Personal(ctx, was.ID, was.Slug)
	if err != nil {
		return was, fmt.Errorf("make the personal organization of account %s: %w", was.ID, err)
	}
	if _, err := a.cfg.DB.Exec(ctx, finishSQL, was.ID, organization, workspace); err != nil {
		return was, fmt.Errorf("finish account %s: %w", was.ID, err)
	}
	was.Organization, was.DefaultWorkspace, was.State = string(organization), string(workspace), active
	return was, nil
}
