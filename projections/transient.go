package projections

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/annals-io/annals/eventstore"
)

// Why a lane ended, where nothing is wrong.
var (
	errUnwanted = errors.New("the model is no longer projected")
	errShared   = errors.New("the lane is left to another process")
)

func benign(err error) bool {
	return err == nil || errors.Is(err, errUnwanted) || errors.Is(err, errShared) || errors.Is(err, context.Canceled)
}

// poisonous says whether an error is of what the events say, so that trying again cannot help. Everything that can
// pass by itself, or that is wrong with the whole model and not with one event, is not: rather a lane that stands
// still and says so than a workspace paused for a lost connection.
func poisonous(err error) bool {
	return err != nil && !passing(err) && !restarts(err) && !broken(err)
}

// restarts says that this tenure of the lane is over: what it knows may be untrue.
func restarts(err error) bool {
	var pg *pgconn.PgError
	return errors.Is(err, errFenced) || errors.Is(err, errMoved) || errors.Is(err, errUnwanted) || errors.Is(err, errShared) ||
		!errors.As(err, &pg) && lost(err) || pg != nil && pg.Code[:2] == "57" && pg.Code != "57014"
}

// lost says that a connection was lost or not to be had.
func lost(err error) bool {
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) && !errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || pgconn.SafeToRetry(err) ||
		errors.Is(err, pgx.ErrTxClosed) || strings.Contains(err.Error(), "conn closed") || strings.Contains(err.Error(), "closed pool")
}

// passing says that the same page can succeed later.
func passing(err error) bool {
	var unavailable *eventstore.UnavailableError
	var unknown *eventstore.OutcomeUnknownError
	var denied *eventstore.AccessDeniedError
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || lost(err) || errors.Is(err, errHole) ||
		errors.As(err, &unavailable) || errors.As(err, &unknown) || errors.As(err, &denied) {
		return true
	}
	var gap *gapError
	if errors.As(err, &gap) {
		return true
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return false
	}
	switch pg.Code[:2] {
	case "08", // connection
		"25", // transaction state: a standby, a session that was ended
		"40", // conflict, deadlock
		"53", // no disk, no memory, too many connections
		"55", // lock not to be had
		"57", // shutdown, cancelled
		"58": // the system
		return true
	}
	return false
}

// broken says that the model itself is not as the code expects it: a table is missing, or a right.
func broken(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return false
	}
	switch pg.Code {
	case "3F000", "42P01", "42703", "42501":
		return true
	}
	return false
}

// timedOut says that a transaction took too long while whoever asked for it still waits: less of it may do.
func timedOut(ctx context.Context, err error) bool {
	return errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil
}

// cleanUTF8 makes a text that Postgres takes.
func cleanUTF8(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
