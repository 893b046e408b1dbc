package projections

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// foreign is a live model of other code, and when it was last seen to be the live one.
type foreign struct {
	model
	seen time.Time
}

// saw remembers which model is live.
func (e *Engine) saw(m *model) {
	e.live.Store(m)
	if m.Version != e.version {
		e.foreign.Store(&foreign{*m, time.Now()})
	}
}

// Misfit tells an error of reading rows that comes of the model's having been made by other code: a table, a column or
// a type is not as this process expects it. It is an *OtherCodeError, and passes once the model is rebuilt; nil is any
// other error, and every error of a model that this process's own code made.
func (e *Engine) Misfit(err error) error {
	f := e.foreign.Load()
	if f == nil || !unfit(err) {
		return nil
	}
	// Whoever began to read before a swap goes on reading the old model.
	if live := e.live.Load(); live != nil && live.Version == e.version && time.Since(f.seen) > e.LongestRequest {
		return nil
	}
	return &OtherCodeError{f.Schema, f.Version, e.version}
}

// unfit says that what was read is not of the shape that the code expects.
func unfit(err error) bool {
	var (
		pg     *pgconn.PgError
		scan   pgx.ScanArgError
		typed  *json.UnmarshalTypeError
		syntax *json.SyntaxError
	)
	switch {
	case errors.As(err, &pg):
		return pg.Code == "3F000" || // a schema
			pg.Code == "22P02" || // a value of another type
			strings.HasPrefix(pg.Code, "42") && pg.Code != "42501" // a table, a column, an operator; no right is none of these
	case errors.As(err, &scan), errors.As(err, &typed), errors.As(err, &syntax):
		return true
	}
	return false
}
