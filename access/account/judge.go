package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
)

// Shutting somebody out is said in many streams: in each place where they hold a role, so that it keeps an owner who can
// act, and in the account's own. What was decided is written down first, and crossed out when all is said: a server that
// dies in between is followed by one that carries it on ([Accounts.CarryOn]).

// A judgement is what was decided about an account, as it is written down.
type judgement struct {
	What      string       `json:"what"` // disable or enable
	By        domain.Actor `json:"by"`
	Reason    string       `json:"reason,omitempty"`
	Successor *uuid.UUID   `json:"successor,omitempty"`
}

const (
	disabling = "disable"
	enabling  = "enable"
)

func (j judgement) verdict() Verdict { return Verdict{j.By, j.Reason, j.Successor} }

const (
	judgeSQL   = `UPDATE log.accounts SET judging = $2 WHERE account = $1 AND state <> 'reserved'`
	judgedSQL  = `UPDATE log.accounts SET judging = NULL WHERE account = $1`
	judgingSQL = `SELECT judging FROM log.accounts WHERE account = $1`
	disableSQL = `UPDATE log.accounts SET disabled_at = coalesce(disabled_at, $2) WHERE account = $1`
	enableSQL  = `UPDATE log.accounts SET disabled_at = NULL WHERE account = $1`
	aloneSQL   = `SELECT pg_advisory_xact_lock(hashtextextended('annals account ' || $1::text, 0))`
	pendingSQL = `SELECT account FROM log.accounts WHERE judging IS NOT NULL ORDER BY account`
)

// Disable shuts a person out. First every place where they hold a role says so; where they are the only active owner of
// one, and v names nobody to succeed them, nothing is done (last_owner). Then nothing of theirs opens anything any more,
// and the log has it. Doing it again does what is not done yet.
func (a *Accounts) Disable(ctx context.Context, id uuid.UUID, v Verdict) error {
	return a.judge(ctx, id, judgement{disabling, v.By, v.Reason, v.Successor})
}

// Enable lets a person in again, and they count as before in every place. What ended stays ended.
func (a *Accounts) Enable(ctx context.Context, id uuid.UUID, v Verdict) error {
	return a.judge(ctx, id, judgement{What: enabling, By: v.By, Reason: v.Reason})
}

// judgingTime bounds how long it may take to say everywhere what was decided, whether or not anybody still waits.
const judgingTime = time.Minute

func (a *Accounts) judge(ctx context.Context, id uuid.UUID, j judgement) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), judgingTime)
	defer cancel()
	return a.alone(ctx, id, func() error {
		body, err := json.Marshal(j)
		if err != nil {
			return fmt.Errorf("write down what was decided of account %s: %w", id, err)
		}
		tag, err := a.cfg.DB.Exec(ctx, judgeSQL, id, body)
		if err != nil {
			return fmt.Errorf("%s account %s: %w", j.What, id, err)
		}
		if tag.RowsAffected() == 0 {
			return errNone
		}
		was, _, err := a.Find(ctx, id)
		if err != nil {
			return err
		}
		return a.execute(ctx, id, j, was.DisabledAt == nil)
	})
}

// alone does something about an account while no other server does.
func (a *Accounts) alone(ctx context.Context, id uuid.UUID, do func() error) error {
	tx, err := a.cfg.DB.Begin(ctx)
	if err != nil {
		return fmt.Errorf("hold account %s: %w", id, err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	if _, err := tx.Exec(ctx, aloneSQL, id.String()); err != nil {
		return fmt.Errorf("hold account %s: %w", id, err)
	}
	return do()
}

// execute carries out what is written down, and crosses it out. fresh says that the account was not shut out before: then
// a place that refuses makes all of it undone.
func (a *Accounts) execute(ctx context.Context, id uuid.UUID, j judgement, fresh bool) error {
	do := a.enable
	if j.What == disabling {
		do = a.disable
	}
	err := do(ctx, id, j)
	var no *domain.Error
	switch refused := errors.As(err, &no); {
	case err == nil:
	case !refused:
		return fmt.Errorf("%s account %s: %w", j.What, id, err)
	case j.What == disabling && !fresh:
		return err // it stays written down: they are shut out, and a place has no active owner
	case j.What == disabling:
		if undone := a.enable(ctx, id, j); undone != nil { // it had been said in some places
			return errors.Join(err, fmt.Errorf("let account %s in again: %w", id, undone))
		}
	}
	if _, crossed := a.cfg.DB.Exec(ctx, judgedSQL, id); crossed != nil {
		return fmt.Errorf("%s account %s: %w", j.What, id, crossed)
	}
	return err
}

// disable says it everywhere: in the places, then in the account, and again in places that came to be meanwhile.
func (a *Accounts) disable(ctx context.Context, id uuid.UUID, j judgement) error {
	if err := a.shutOut(ctx, id, j); err != nil {
		return err
	}
	err := pgx.BeginFunc(ctx, a.cfg.DB, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, disableSQL, id, a.now()); err != nil {
			return err
		}
		return a.shut(ctx, tx, id)
	})
	if err != nil {
		return err
	}
	if err := a.do(ctx, id, j.By, j.Reason, domain.DisableAccount{Account: id}); err != nil {
		return err
	}
	return a.shutOut(ctx, id, j)
}

func (a *Accounts) shutOut(ctx context.Context, id uuid.UUID, j judgement) error {
	if a.cfg.Places == nil {
		return nil
	}
	return a.cfg.Places.ShutOut(ctx, id, j.verdict())
}

// enable says it in the account, then in the places, and then lets the person in.
func (a *Accounts) enable(ctx context.Context, id uuid.UUID, j judgement) error {
	if err := a.do(ctx, id, j.By, j.Reason, domain.EnableAccount{Account: id}); err != nil {
		return err
	}
	if a.cfg.Places != nil {
		if err := a.cfg.Places.LetIn(ctx, id, j.verdict()); err != nil {
			return err
		}
	}
	_, err := a.cfg.DB.Exec(ctx, enableSQL, id)
	return err
}

// CarryOn finishes what was decided and not said everywhere, at once and then every minute, until ctx ends.
func (a *Accounts) CarryOn(ctx context.Context, log *slog.Logger) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	told := map[uuid.UUID]string{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if err := a.carryOn(ctx, log, told); err != nil && ctx.Err() == nil {
			log.Warn("what was decided about accounts cannot be carried on now; trying again", "err", err)
		}
		timer.Reset(time.Minute)
	}
}

// carryOn finishes what can be finished, and tells once of each account that cannot.
func (a *Accounts) carryOn(ctx context.Context, log *slog.Logger, told map[uuid.UUID]string) error {
	rows, _ := a.cfg.DB.Query(ctx, pendingSQL)
	pending, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return fmt.Errorf("list what was decided about accounts: %w", err)
	}
	for _, id := range pending {
		err := a.alone(ctx, id, func() error { return a.resume(ctx, id) })
		if err == nil || ctx.Err() != nil || told[id] == err.Error() {
			continue
		}
		told[id] = err.Error()
		log.Warn("an account is shut out, and not every place could be told: it is tried again every minute", "account", id, "err", err)
	}
	return nil
}

// resume carries on what is written down of an account, as it is written down by then.
func (a *Accounts) resume(ctx context.Context, id uuid.UUID) error {
	rows, _ := a.cfg.DB.Query(ctx, judgingSQL, id)
	body, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[*string])
	if err != nil || body == nil {
		return err
	}
	var j judgement
	if err := json.Unmarshal([]byte(*body), &j); err != nil {
		return fmt.Errorf("read what was decided of account %s: %w", id, err)
	}
	was, ok, err := a.Find(ctx, id)
	if err != nil || !ok {
		return err
	}
	return a.execute(ctx, id, j, was.DisabledAt == nil)
}
