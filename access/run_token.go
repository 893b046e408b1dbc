package access

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
)

// A run's token is what a run carries instead of a person's key: it sends the events of that run and changes that run,
// and opens nothing else. It ends a few minutes after the run does, at once when the run or its workspace is deleted, and
// after its own time in any case.

// afterRun is how long the token of a run outlives it: for the last words of a client that reports in batches.
const afterRun = 5 * time.Minute

// RunToken mints a token for a run that is there and goes on. Its maker's rights are its bounds: who loses them takes them
// from the tokens he minted.
func (k *Keys) RunToken(ctx context.Context, maker Principal, ws domain.Slug, run domain.RunRef, life time.Duration) (text string, r Record, err error) {
	w, err := Wish{Name: "run " + clip(run.String()), Scopes: []Scope{Write}, Workspace: ws, Life: life, run: &run}.complete(maker.Who().Kind)
	if err != nil {
		return "", Record{}, err
	}
	if err := mayGrant(maker, w); err != nil {
		return "", Record{}, err
	}
	text, key, err := Mint(Run, k.random)
	if err != nil {
		return "", Record{}, err
	}
	r = k.record(maker, w, key)
	if err := k.goesOn(ctx, r); err != nil {
		return "", Record{}, err
	}
	return text, r, k.store(ctx, maker, r)
}

func noRun(run string, ws domain.Slug) *Refusal {
	return &Refusal{Status: http.StatusNotFound, Code: string(domain.NotFound), Field: "run", Message: fmt.Sprintf("there is no run %q in workspace %s", clip(run), ws)}
}

// clip shortens what a caller made up for a message.
func clip(s string) string {
	const most = 120
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}

// goesOn refuses a token for a run that is not there, or has ended.
func (k *Keys) goesOn(ctx context.Context, r Record) error {
	if k.Standing == nil {
		return nil
	}
	f, err := k.Standing.of(ctx, r)
	switch {
	case err != nil:
		return &UnavailableError{Cause: err}
	case f.no == ErrRevoked:
		return noRun(r.Run.String(), domain.Slug(*r.Workspace))
	case f.no != nil:
		return f.no
	case !f.over.IsZero():
		return conflict("the run has ended: it needs no token any more")
	}
	return nil
}

const (
	runTokensSQL = `SELECT ` + columns + ` FROM log.api_keys WHERE run IS NOT NULL AND revoked_at IS NULL AND expires_at > $1 AND NOT pending`
	shortenSQL   = `UPDATE log.api_keys SET expires_at = $2 WHERE id = $1 AND expires_at > $2`
	overSQL      = `UPDATE log.api_keys SET revoked_at = $2, revoked_by = 'system' WHERE id = $1 AND revoked_at IS NULL`
)

// endWithRuns ends the tokens of runs that are over, so that lists show them so and a run that begins anew does not bring
// them back to life. It only writes down what is true already: [Keys.Check] asks the log.
func (k *Keys) endWithRuns(ctx context.Context) error {
	if k.Standing == nil {
		return nil
	}
	rows, _ := k.db.Query(ctx, runTokensSQL, k.now())
	tokens, err := pgx.CollectRows(rows, pgx.RowToStructByName[Record])
	if err != nil {
		return fmt.Errorf("look for the tokens of runs: %w", err)
	}
	for _, r := range tokens {
		f, err := k.Standing.of(ctx, r)
		if err != nil {
			return err
		}
		if err := k.settle(ctx, r, f); err != nil {
			return err
		}
	}
	return nil
}

// settle writes down the end of a run's token.
func (k *Keys) settle(ctx context.Context, r Record, f fate) error {
	var err error
	switch {
	case f.no == ErrRevoked:
		_, err = k.db.Exec(ctx, overSQL, r.ID, k.now())
	case !f.over.IsZero() && r.ExpiresAt.After(f.ends(k.now())):
		_, err = k.db.Exec(ctx, shortenSQL, r.ID, f.ends(k.now()))
	}
	if err != nil {
		return fmt.Errorf("end the token %s of a run: %w", r.ID, err)
	}
	return nil
}
