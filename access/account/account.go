package account

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// DB is what accounts need of a pool of connections.
type DB interface {
	access.DB
	Begin(ctx context.Context) (pgx.Tx, error)
}

// A Sealer covers what names a person before it gets into the log. *vault.Keys does.
type Sealer interface {
	Seal(subject, value string) (domain.Personal, error)
}

// Personal makes an account's personal organization with its default workspace, once however often it is asked. name is
// what its slug is derived from; empty: from the account's id.
type Personal func(ctx context.Context, account uuid.UUID, name string) (organization, workspace domain.Slug, err error)

// Config is what accounts are made of. All of it is needed, save Places, and Now (nil: the system's clock).
type Config struct {
	DB       DB
	Commands eventstore.Commander
	Sealer   Sealer
	Personal Personal
	// Places say in every place that an account is shut out, or in again; nil: nowhere, for tests.
	Places Places
	Now    func() time.Time
}

// A Verdict is what an operator decided about an account.
type Verdict struct {
	By        domain.Actor
	Reason    string
	Successor *uuid.UUID // becomes an owner where the account is the only active one
}

// Places are the workspaces and organizations where people hold roles.
type Places interface {
	// ShutOut says in all of them that an account does not count as an owner any more, or in none: where it is the only
	// active owner of one, and nobody succeeds it, the refusal is last_owner.
	ShutOut(ctx context.Context, account uuid.UUID, v Verdict) error
	// LetIn takes that back.
	LetIn(ctx context.Context, account uuid.UUID, v Verdict) error
}

// Accounts are the people who sign in. They are safe for concurrent use.
type Accounts struct {
	cfg Config
	now func() time.Time
}

// New reads and writes accounts.
func New(cfg Config) *Accounts {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Accounts{cfg: cfg, now: func() time.Time { return cfg.Now().UTC().Truncate(time.Microsecond) }}
}

// The states of an account's row.
const (
	reserved = "reserved"
	claimed  = "claimed"
	active   = "active"
)

// An Account is a person who signs in.
type Account struct {
	ID               uuid.UUID  `db:"account"`
	Login            *string    // nil: signs in otherwise than by a password
	Name             string     // for people
	Email            *string    // as others said it; nobody is known by it
	Password         *string    // in PHC form; nil: none
	Organization     string     // the personal one
	DefaultWorkspace string     `db:"default_workspace"`
	State            string     // reserved, claimed or active
	Slug             string     // asked for the personal organization
	DisabledAt       *time.Time `db:"disabled_at"`
	CreatedAt        time.Time  `db:"created_at"`
}

// Active says whether the person may sign in.
func (a Account) Active() bool { return a.State != reserved && a.DisabledAt == nil }

const columns = `account, login, name, email, password, organization, default_workspace, state, slug, disabled_at, created_at`

const findSQL = `SELECT ` + columns + ` FROM log.accounts WHERE account = $1`

// Find is the account of that id; ok is false where there is none.
func (a *Accounts) Find(ctx context.Context, id uuid.UUID) (Account, bool, error) {
	return a.one(ctx, findSQL, id)
}

const byLoginSQL = `SELECT ` + columns + ` FROM log.accounts WHERE login = $1`

// ByLogin is the account of a login name in its one form ([Login]).
func (a *Accounts) ByLogin(ctx context.Context, login string) (Account, bool, error) {
	if strings.ContainsRune(login, 0) || !utf8.ValidString(login) {
		return Account{}, false, nil
	}
	return a.one(ctx, byLoginSQL, login)
}

const byIdentitySQL = `SELECT ` + columns + ` FROM log.accounts JOIN log.identities USING (account) WHERE issuer = $1 AND subject = $2`

// ByIdentity is the account of whoever an issuer knows under that subject.
func (a *Accounts) ByIdentity(ctx context.Context, issuer, subject string) (Account, bool, error) {
	return a.one(ctx, byIdentitySQL, issuer, subject)
}

func (a *Accounts) one(ctx context.Context, sql string, args ...any) (found Account, ok bool, err error) {
	rows, _ := a.cfg.DB.Query(ctx, sql, args...)
	found, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Account])
	if errors.Is(err, pgx.ErrNoRows) {
		return Account{}, false, nil
	}
	if err != nil {
		return Account{}, false, fmt.Errorf("look up an account: %w", err)
	}
	return found, true, nil
}

const listSQL = `SELECT ` + columns + ` FROM log.accounts WHERE state <> 'reserved' ORDER BY created_at, account LIMIT $1`

// List are the accounts there are, the oldest first, at most so many.
func (a *Accounts) List(ctx context.Context, most int) ([]Account, error) {
	rows, _ := a.cfg.DB.Query(ctx, listSQL, most)
	all, err := pgx.CollectRows(rows, pgx.RowToStructByName[Account])
	if err != nil {
		return nil, fmt.Errorf("list accounts: %w", err)
	}
	return all, nil
}

const adoptSQL = `INSERT INTO log.accounts (account, name, organization, default_workspace, state, created_at)
VALUES ($1, $2, $3, $4, 'active', $5) ON CONFLICT DO NOTHING`

// Adopt takes in an account whose events and organization are there already: the first owner's.
func (a *Accounts) Adopt(ctx context.Context, id uuid.UUID, name string, organization, workspace domain.Slug) error {
	if _, err := a.cfg.DB.Exec(ctx, adoptSQL, id, name, organization, workspace, a.now()); err != nil {
		return fmt.Errorf("take in account %s: %w", id, err)
	}
	return nil
}

// do carries out a command about an account.
func (a *Accounts) do(ctx context.Context, id uuid.UUID, actor domain.Actor, reason string, c domain.Command) error {
	_, err := a.cfg.Commands.Execute(ctx, eventstore.Request{
		Stream: domain.AccountStream(id), OccurredAt: a.cfg.Now(), Meta: domain.Meta{Actor: actor, Reason: reason}, Command: c,
	})
	return err
}

// SignedIn records that a person signed in, where it is the first time.
func (a *Accounts) SignedIn(ctx context.Context, id uuid.UUID) error {
	return a.do(ctx, id, Self(id), "", domain.RecordSignIn{Account: id})
}

// Self is how a person stands in events about their own account.
func Self(id uuid.UUID) domain.Actor { return domain.Actor{Kind: "account", ID: id.String()} }

// errNone says that there is no account of an id.
var errNone = &domain.Error{Code: domain.NotFound, Subject: "account", Message: "there is no such account"}
