package postgres

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/annals-io/annals/eventstore"
)

// SQLSTATEs that are told apart here (PostgreSQL's appendix A).
const (
	uniqueViolation       = "23505"
	insufficientPrivilege = "42501"
	serializationFailure  = "40001"
	deadlockDetected      = "40P01"
	copyRefused           = "0A000" // feature_not_supported: COPY into a table with row level security
)

// translate makes an error of ours of what pgx says. It is asked where nothing can have been written.
func translate(err error) error {
	if err == nil {
		return nil
	}
	var damaged *eventstore.DamagedError
	if errors.As(err, &damaged) {
		return damaged
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return &eventstore.UnavailableError{Cause: err} // the connection, or the context
	}
	switch {
	case pg.Code == insufficientPrivilege, strings.HasPrefix(pg.Code, "28"):
		return &eventstore.AccessDeniedError{Cause: err}
	case strings.HasPrefix(pg.Code, "08"), // connection
		strings.HasPrefix(pg.Code, "53"), // resources: disk full, too many connections
		strings.HasPrefix(pg.Code, "57"), // shutting down, starting up, cancelled
		strings.HasPrefix(pg.Code, "58"), // its disk
		pg.Code == "25006",               // read-only: a standby
		pg.Code == serializationFailure, pg.Code == deadlockDetected:
		return &eventstore.UnavailableError{Cause: err}
	}
	return err
}

// outcome is translate for what went wrong once the writing statements and the COMMIT were sent together. Only an
// answer of the server that it rolled back proves that nothing was written: with a connection that broke, or a
// session that was ended, the commit may have been before or after.
func outcome(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.SeverityUnlocalized == "ERROR" {
		return translate(err)
	}
	return &eventstore.OutcomeUnknownError{Cause: err}
}

// violates says whether a unique constraint of that name was violated.
func violates(err error, constraint string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == uniqueViolation && pg.ConstraintName == constraint
}

func hasState(err error, code string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == code
}

// contended says whether the server undid the attempt for another one's sake: it can be made again at once.
func contended(err error) bool {
	return hasState(err, serializationFailure) || hasState(err, deadlockDetected)
}
