// Package fork knows which course of events a database holds.
//
// A database that was restored from a backup, or copied, goes on from an earlier moment: a revision may mean another event
// there than to somebody who read it before. So every course has an id, the fork. What clients are handed to come back
// with, cursors and the header [Header], carries a short form of it, and what is of another course is refused by name
// instead of being misread.
//
// A new fork is drawn where the database is another place than the one noted in it: another cluster (its system
// identifier), another timeline of it (it was brought back to an earlier moment, or a standby took over), another database
// (a dump was restored). A plain copy of the files of a cluster is the same place; whoever makes one says so
// ([Watch.Draw]).
package fork

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Header carries the short form of the fork in every answer. A request that carries it is refused where it is another.
const Header = "Annals-Fork"

// A Watch knows the fork of a database, and sees when it becomes another one. It is safe for concurrent use.
type Watch struct {
	DB  *pgxpool.Pool
	Log *slog.Logger
	// Drawn is called in the transaction that draws a fork where there was one before: what was handed out on the other
	// course ends there. nil: nothing does.
	Drawn func(ctx context.Context, tx pgx.Tx) error

	now atomic.Pointer[State]
}

// A State is a course of events, and when and why it began.
type State struct {
	Fork  uuid.UUID `json:"fork"`
	Since time.Time `json:"since"`
	Why   string    `json:"why"`
	Place string    `json:"-"`
}

// Short is the form that cursors carry.
func (s State) Short() string {
	sum := sha256.Sum256(s.Fork[:])
	return base64.RawURLEncoding.EncodeToString(sum[:6])
}

// Now is the course as it was last seen; the zero State before [Watch.Look].
func (w *Watch) Now() State {
	if s := w.now.Load(); s != nil {
		return *s
	}
	return State{}
}

// Short is the short form of the course as it was last seen.
func (w *Watch) Short() string { return w.Now().Short() }

// The place. Where a managed database keeps its system identifier to itself, timeline and database are what there is.
const (
	placeSQL = `SELECT coalesce((SELECT system_identifier::text FROM pg_control_system()), '') || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8)
    || '/' || (SELECT oid::text FROM pg_database WHERE datname = current_database())`

	lesserPlaceSQL = `SELECT '?/' || left(pg_walfile_name(pg_current_wal_lsn()), 8) || '/' || (SELECT oid::text FROM pg_database WHERE datname = current_database())`

	readSQL = `SELECT fork, place, since, why FROM log.instance FOR UPDATE`

	firstSQL = `INSERT INTO log.instance (fork, place, why) VALUES ($1, $2, 'the database was new') ON CONFLICT DO NOTHING`

	drawSQL = `UPDATE log.instance SET fork = $1, place = $2, since = now(), why = $3 RETURNING fork, place, since, why`
)

// Look sees which course this is, and draws a new fork where the database finds itself at another place.
func (w *Watch) Look(ctx context.Context) error {
	place, err := w.place(ctx)
	if err != nil {
		return fmt.Errorf("see which database this is: %w", err)
	}
	return w.settle(ctx, func(s State) (why string) {
		if s.Place == place {
			return ""
		}
		return "the database is another place than before: it was restored or copied, or a standby took over" + w.until(ctx)
	}, place)
}

const untilSQL = `SELECT recorded_at FROM log.events ORDER BY position DESC LIMIT 1`

// until says up to when the events go that are here; empty where they lie elsewhere, or nobody can tell.
func (w *Watch) until(ctx context.Context) string {
	var last time.Time
	if err := w.DB.QueryRow(ctx, untilSQL).Scan(&last); err != nil {
		w.Log.DebugContext(ctx, "see up to when there are events", "err", err)
		return ""
	}
	return "; its last event was recorded at " + last.UTC().Format(time.RFC3339) + ": what was recorded after that is gone, and its revisions go to other events"
}

// Draw draws a new fork for a database that was copied in a way that it cannot see.
func (w *Watch) Draw(ctx context.Context, why string) error {
	place, err := w.place(ctx)
	if err != nil {
		return fmt.Errorf("see which database this is: %w", err)
	}
	return w.settle(ctx, func(State) string { return why }, place)
}

func (w *Watch) place(ctx context.Context) (place string, err error) {
	err = w.DB.QueryRow(ctx, placeSQL).Scan(&place)
	var no *pgconn.PgError
	if errors.As(err, &no) && no.Code == "42501" {
		err = w.DB.QueryRow(ctx, lesserPlaceSQL).Scan(&place)
	}
	return place, err
}

// settle draws a fork where there is a reason, and keeps what there is then.
func (w *Watch) settle(ctx context.Context, reason func(State) string, place string) error {
	var now State
	drawn := false
	err := pgx.BeginFunc(ctx, w.DB, func(tx pgx.Tx) error {
		id, err := uuid.NewRandom()
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, firstSQL, id, place); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, readSQL).Scan(&now.Fork, &now.Place, &now.Since, &now.Why); err != nil {
			return err
		}
		why := reason(now)
		if drawn = why != ""; !drawn {
			return nil
		}
		if err := tx.QueryRow(ctx, drawSQL, id, place, why).Scan(&now.Fork, &now.Place, &now.Since, &now.Why); err != nil {
			return err
		}
		if w.Drawn == nil {
			return nil
		}
		return w.Drawn(ctx, tx)
	})
	if err != nil {
		return fmt.Errorf("see which course of events this is: %w", err)
	}
	was := w.now.Swap(&now)
	switch {
	case drawn:
		w.Log.WarnContext(ctx, "this is another course of events from here on: cursors from before are refused, and everybody signs in anew", "fork", now.Fork, "why", now.Why)
	case was != nil && was.Fork != now.Fork:
		w.Log.WarnContext(ctx, "another server saw that this is another course of events", "fork", now.Fork, "why", now.Why)
	}
	return nil
}

// lookEvery is how often it is looked whether the database became another place under a server that runs.
const lookEvery = 10 * time.Second

// Run looks now and then until ctx ends.
func (w *Watch) Run(ctx context.Context) {
	t := time.NewTicker(lookEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if err := w.Look(ctx); err != nil && ctx.Err() == nil {
			w.Log.DebugContext(ctx, "fork", "err", err) // whoever else needs the database says it louder
		}
	}
}
