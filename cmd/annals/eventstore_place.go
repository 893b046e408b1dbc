package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/eventstore/esdb"
	"github.com/annals-io/annals/eventstore/postgres"
	"github.com/annals-io/annals/eventstore/transfer"
	"github.com/annals-io/annals/internal/embedded"
)

// An instancePlace is where an instance keeps its events, as serve takes it.
type instancePlace struct {
	side     string // "from" or "to", the names of the flags
	where    string // a directory, postgres:// or esdb://
	beside   string // of an event store: a directory or postgres://
	prefix   string // of an event store
	ownerURL string
}

func (f copyFlags) check() error {
	for _, p := range []instancePlace{f.from, f.to} {
		if err := p.check(); err != nil {
			return err
		}
	}
	if f.from.where == f.to.where && f.from.prefix == f.to.prefix {
		return usage("--from and --to are the same")
	}
	return nil
}

func (p instancePlace) check() error {
	flag := "--" + p.side
	switch {
	case p.where == "":
		return usage("%s is missing", flag).with("a data directory, postgres://… or esdb://…")
	case isEventstore(p.where):
		if err := esdb.Check(p.where); err != nil {
			return usage("%s: %s", flag, err)
		}
		if !plainPrefix.MatchString(p.prefix) {
			return usage("%s-prefix %q is no prefix", flag, p.prefix)
		}
		if p.beside == "" {
			return usage("%s is an event store, and %s-database is missing", flag, flag).with("keys and evidence lie in a database beside it: a data directory or postgres://…")
		}
		if isEventstore(p.beside) || strings.Contains(p.beside, "://") && !isDatabase(p.beside) {
			return usage("%s-database is neither a directory nor postgres://…", flag)
		}
	case p.beside != "" || p.prefix != "":
		return usage("%s-database and %s-prefix are for event stores, and %s is none", flag, flag, flag).with("leave them out")
	case strings.Contains(p.where, "://") && !isDatabase(p.where):
		scheme, _, _ := strings.Cut(p.where, "://")
		return usage("%s: there is no event store of the kind %s://", flag, scheme).with("a data directory, postgres://… or esdb://…")
	}
	if p.ownerURL != "" && !isDatabase(p.ownerURL) {
		return usage("%s-owner-url is not postgres://…", flag)
	}
	return nil
}

// database is where the database of the place is: a directory or an address.
func (p instancePlace) database() string {
	if isEventstore(p.where) {
		return p.beside
	}
	return p.where
}

// served are the flags by which serve serves it, without passwords.
func (p instancePlace) served() string {
	var flags []string
	if isDatabase(p.database()) {
		flags = append(flags, "--data DIRECTORY --database-url "+covered(p.database()))
	} else {
		flags = append(flags, "--data "+p.database())
	}
	if isEventstore(p.where) {
		flags = append(flags, "--eventstore '"+covered(p.where)+"'")
		if p.prefix != "" {
			flags = append(flags, "--eventstore-prefix "+p.prefix)
		}
	}
	return strings.Join(flags, " ")
}

// covered is an address without its password.
func covered(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		scheme, _, _ := strings.Cut(address, "://")
		return scheme + "://…"
	}
	return u.Redacted()
}

// copyStore is a backend that can be copied from and to.
type copyStore interface {
	transfer.Backend
	Close() error
}

// An openPlace is a place that was opened.
type openPlace struct {
	store    copyStore
	dir      string           // of its data; empty: not known
	database *embedded.Server // nil: somebody else runs it
}

func (o *openPlace) close() {
	if o.store != nil {
		_ = o.store.Close() // everything was committed
	}
	if o.database != nil {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		_ = o.database.Stop(ctx)
	}
}

// openSource opens what is copied; nothing is made there that is not there.
func (a *app) openSource(ctx context.Context, f copyFlags) (*openPlace, error) {
	dir := f.from.database()
	if !isDatabase(dir) {
		if _, err := os.Stat(filepath.Join(dir, "vault")); errors.Is(err, fs.ErrNotExist) {
			return nil, (&failure{Exit: exitNotFound, Code: "no_instance", Message: fmt.Sprintf("there is no instance in %s", dir)}).with("name the --data directory of its server")
		}
	}
	return a.openPlace(ctx, f, f.from, func(ctx context.Context, url, _ string) error {
		pool, err := pgxpool.New(ctx, url)
		if err != nil {
			return fmt.Errorf("connect to the database of the source: %w", err)
		}
		defer pool.Close()
		var have bool
		if err := pool.QueryRow(ctx, `SELECT to_regclass('log.events') IS NOT NULL`).Scan(&have); err != nil {
			return fmt.Errorf("look at the database of the source: %w", err)
		}
		if !have {
			return (&failure{Exit: exitNotFound, Code: "no_instance", Message: "the database of the source holds no instance of Annals"}).with("check --%s", f.from.side)
		}
		return nil
	})
}

// openTarget opens where to copy to, and makes the tables there.
func (a *app) openTarget(ctx context.Context, f copyFlags) (*openPlace, error) {
	return a.openPlace(ctx, f, f.to, func(ctx context.Context, url, ownerURL string) error {
		s := &server{}
		defer func() {
			if s.owner != nil {
				s.owner.Close()
			}
		}()
		return s.migrate(ctx, url, ownerURL)
	})
}

func (a *app) openPlace(ctx context.Context, f copyFlags, p instancePlace, prepare func(ctx context.Context, url, ownerURL string) error) (_ *openPlace, err error) {
	o := &openPlace{}
	defer func() {
		if err != nil {
			o.close()
		}
	}()
	address, ownerURL := p.database(), p.ownerURL
	if ownerURL == "" {
		ownerURL = address
	}
	if !isDatabase(address) {
		o.dir = address
		if err := a.startPlace(ctx, o, f); err != nil {
			return nil, err
		}
		address, ownerURL = o.database.URL(), o.database.OwnerURL()
	}
	if err := prepare(ctx, address, ownerURL); err != nil {
		return nil, err
	}
	if o.database != nil {
		address = o.database.AllURL()
	}
	log := slog.New(slog.DiscardHandler) // what matters is in the errors
	if !isEventstore(p.where) {
		store, err := postgres.Open(ctx, asCopy(address), postgres.Options{PollOnly: true, Logger: log})
		if err != nil {
			return nil, storeFailure(err)
		}
		o.store = store
		return o, nil
	}
	opening, cancel := context.WithTimeout(ctx, openEventstoreTimeout)
	defer cancel()
	store, err := esdb.Open(opening, p.where, asCopy(address), esdb.Options{Prefix: p.prefix, Logger: log})
	if err != nil {
		return nil, storeFailure(fmt.Errorf("the event store at %s: %w", hostOf(p.where), err))
	}
	o.store = store
	return o, nil
}

// startPlace starts the database in a data directory.
func (a *app) startPlace(ctx context.Context, o *openPlace, f copyFlags) (err error) {
	o.database, err = embedded.Start(ctx, embedded.Config{
		DataDir: o.dir, CacheDir: f.cache, BinDir: f.binaries, Logger: slog.New(slog.DiscardHandler),
		Progress: func(msg string) { fmt.Fprintf(a.stderr, "annals: %s\n", msg) },
	})
	if errors.Is(err, embedded.ErrInUse) {
		return (&failure{Exit: exitConflict, Code: "in_use", Message: fmt.Sprintf("a server runs on the data in %s", o.dir)}).with("stop it first")
	}
	if err != nil {
		return fmt.Errorf("start the database in %s: %w", o.dir, err)
	}
	for _, note := range o.database.Notes() {
		fmt.Fprintf(a.stderr, "annals: %s\n", note)
	}
	return nil
}

// asCopy names the connections of a copy: those of a server are looked for.
func asCopy(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" {
		return address + " application_name='annals copy'"
	}
	q := u.Query()
	q.Set("application_name", "annals copy")
	u.RawQuery = q.Encode()
	return u.String()
}

// copyVault takes along what an instance keeps in its data directory besides a database: the keys by which names of
// persons are sealed, the key that seals history, and the first API key. Where a directory is not known, the user is told.
func (a *app) copyVault(from, to string) error {
	switch {
	case from == "" && to == "":
		fmt.Fprintln(a.stderr, "annals: serve the copy with the --data directory of the source: the vault, the key that seals history and the first API key lie there")
		return nil
	case from == "":
		fmt.Fprintf(a.stderr, "annals: copy vault/, %s and %s from the --data directory of the source to %s: without the vault sealed names cannot be read, and without the key history is sealed no more\n", auditKeyFile, firstKeyFile, to)
		return nil
	case to == "":
		fmt.Fprintf(a.stderr, "annals: serve the copy with --data %s, or copy vault/, %s and %s from there\n", from, auditKeyFile, firstKeyFile)
		return nil
	}
	for _, tree := range []string{"vault", auditKeyFile, firstKeyFile} {
		err := filepath.WalkDir(filepath.Join(from, tree), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			name, err := filepath.Rel(from, path)
			if err != nil {
				return err
			}
			return copySecret(path, filepath.Join(to, name))
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// copySecret copies a file whole or not at all, readable by its owner alone. Another one in its place is another
// instance's.
func copySecret(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("read %s: %w", from, err)
	}
	there, err := os.ReadFile(to)
	switch {
	case err == nil && bytes.Equal(content, there):
		return nil
	case err == nil:
		return (&failure{Exit: exitConflict, Code: "foreign", Message: fmt.Sprintf("%s belongs to another instance", to)}).with("choose an empty target")
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("read %s: %w", to, err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return fmt.Errorf("copy the vault: %w", err)
	}
	return writeFile(filepath.Dir(to), filepath.Base(to), string(content), 0o600)
}
