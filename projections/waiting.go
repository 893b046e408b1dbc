package projections

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// A Waiting is a model that a rebuild left beside the live one: because the two differ, or because the rebuild was cut
// off. One that is complete goes on being projected, by the processes of the code that built it, so that it can be
// swapped in at any time.
type Waiting struct {
	Schema     string
	MadeBy     string  // version of the folding code that built it
	Projecting int     // how many processes of that code are heard of
	Complete   bool    // it can be swapped in; false: it was cut off, or the same code made both and they differ
	Report     *Report // what comparing found; nil: it was cut off before
}

// Differs says that somebody has to look before it is swapped in.
func (w Waiting) Differs() bool { return w.Report == nil || !w.Report.Equal }

const waitingSQL = `
SELECT schema, version, filled, report FROM log.models
WHERE state = 'building' ORDER BY created_at DESC, schema DESC LIMIT 1`

// Waiting is the model that lies beside the live one. While a rebuild is under way that is the one being built.
// ErrNoModel: there is none.
func (e *Engine) Waiting(ctx context.Context) (Waiting, error) {
	var w Waiting
	var found []byte
	err := e.Pool.QueryRow(ctx, waitingSQL).Scan(&w.Schema, &w.MadeBy, &w.Complete, &found)
	if errors.Is(err, pgx.ErrNoRows) {
		return w, fmt.Errorf("beside the live one: %w", ErrNoModel)
	}
	if err != nil {
		return w, fmt.Errorf("look for a model beside the live one: %w", err)
	}
	if found != nil {
		w.Report = &Report{}
		if err := json.Unmarshal(found, w.Report); err != nil {
			return w, fmt.Errorf("read what was found of %s: %w", w.Schema, err)
		}
	}
	if err := e.Pool.QueryRow(ctx, enginesSQL, enginesOf(w.MadeBy)).Scan(&w.Projecting); err != nil {
		return w, fmt.Errorf("count the processes that project %s: %w", w.Schema, err)
	}
	return w, nil
}

// storedDifferences is how many tables of a report lie with its model; the count of all of them does in any case.
const storedDifferences = 200

// note puts what was found beside the model that was built, for whoever looks after this process has gone.
func (e *Engine) note(ctx context.Context, r Report) error {
	r.Differences = r.Differences[:min(len(r.Differences), storedDifferences)]
	found, err := json.Marshal(r)
	if err == nil {
		_, err = e.Pool.Exec(ctx, `UPDATE log.models SET report = $2 WHERE schema = $1`, r.To, found)
	}
	if err != nil {
		return fmt.Errorf("note what was found of %s: %w", r.To, err)
	}
	return nil
}
