package erasure

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// Keys destroys the keys that names are sealed with. *vault.Keys does.
type Keys interface {
	// Has says whether a subject has a key.
	Has(subject string) bool
	// Destroy removes a subject's key for good; it is no error when there is none.
	Destroy(subject string) error
}

// An Accepted is an invitation that somebody came by.
type Accepted struct {
	Stream     domain.Stream // of the place
	Invitation uuid.UUID
}

// A Desk erases. Every field is needed, save those said to have a default. It is safe for concurrent use.
type Desk struct {
	Log      eventstore.Reader
	Commands eventstore.Commander
	DB       *pgxpool.Pool // as the server: rows
	Owner    *pgxpool.Pool // as the owner of the tables: files
	Keys     Keys
	Logger   *slog.Logger
	// Find is the entity that a word means, in a workspace: things that were deleted among them.
	Find func(ctx context.Context, ws domain.Slug, w Word) (domain.Entity, error)
	// Accepted are the invitations by which a person came, wherever.
	Accepted func(ctx context.Context, account uuid.UUID) ([]Accepted, error)
	// Account is the id of a login name, and whether anybody has it.
	Account func(ctx context.Context, login string) (uuid.UUID, bool, error)
	// Shut shuts a person out, in every place where they hold a role; its refusals are those of the erasure. nil: only the
	// account's own stream says so.
	Shut func(ctx context.Context, account uuid.UUID, by domain.Actor, reason string) error
	// Forget makes this server ask again who is signed in; nil: nothing is remembered. Others do within a tenth of a second.
	Forget func()
	// MostFull is the size, in bytes, up to which the files of evidence are rewritten with each erasure; zero: 256 MiB.
	MostFull int64

	// after is asked behind each step: an error ends the erasure there, as a crash does. Of tests.
	after func(step string) error
	skip  string     // a step that is left out, as a broken build would; of tests
	work  sync.Mutex // one erasure at a time on this server
}

// An Ask is who wants something erased, and why.
type Ask struct {
	By     access.Principal
	Reason string
	DryRun bool // only count
	Full   bool // rewrite the files of evidence, whatever their size
}

// An Outcome is what an erasure came to, or would come to.
type Outcome struct {
	Subject  string           `json:"subject"`
	State    string           `json:"state" doc:"counted, erased, already or nothing."`
	Erasure  *uuid.UUID       `json:"erasure" doc:"What is in the history under this id; null: nothing was erased."`
	Revision *domain.Revision `json:"revision" doc:"Of the event that says so; of the earlier one, where it was erased before."`
	At       *time.Time       `json:"at" doc:"When it was erased before."`
	Files    bool             `json:"files" doc:"The files of the database were rewritten too: no page holds a byte of it. Else it is done later, or with full."`
	Counts
}

// The states of an outcome.
const (
	counted = "counted" // nothing was done
	erased  = "erased"
	already = "already" // it was erased before: nothing was left
	nothing = "nothing" // there was nothing to read
)

// Erase erases the target, or only counts what would go. What was erased before is answered so, and nothing is done.
func (d *Desk) Erase(ctx context.Context, t Target, a Ask) (Outcome, error) {
	p, err := d.plan(ctx, t)
	if err != nil {
		return Outcome{}, err
	}
	return d.carryOut(ctx, t.Word, p, a)
}

// ErasePerson erases a person.
func (d *Desk) ErasePerson(ctx context.Context, account uuid.UUID, a Ask) (Outcome, error) {
	p, err := d.planPerson(ctx, account)
	if err != nil {
		return Outcome{}, err
	}
	if d.Shut != nil && !a.DryRun && !p.empty() && !p.Parts[0].Silent {
		if err := d.Shut(ctx, account, a.By.Actor(), a.Reason); err != nil {
			return Outcome{}, err
		}
	}
	return d.carryOut(ctx, OfPerson+":"+account.String(), p, a)
}

func (d *Desk) carryOut(ctx context.Context, subject string, p *Plan, a Ask) (Outcome, error) {
	p.Actor, p.Reason, p.Full = a.By.Actor(), a.Reason, a.Full
	out := Outcome{Subject: subject, State: counted, Counts: p.Counts}
	if p.empty() {
		out.State = nothing
		if p.since != nil {
			out.State, out.Revision, out.At = already, &p.since.Revision, &p.since.At
		} else if p.Counts.Gone > 0 {
			out.State = already
		}
		return out, nil
	}
	if a.DryRun {
		return out, nil
	}
	id, err := uuid.NewV7()
	if err != nil {
		return out, fmt.Errorf("make up an id: %w", err)
	}
	// The caller may go away: what was confirmed is carried to its end.
	ctx = context.WithoutCancel(ctx)
	if err := d.open(ctx, id, subject, p); err != nil {
		return out, err
	}
	out.State, out.Erasure = erased, &id
	r, err := d.carry(ctx, row{id: id, state: stateOpen, plan: p})
	if r.revision != nil {
		n := domain.Revision(*r.revision)
		out.Revision = &n
	}
	out.Files = r.state == stateDone
	if err != nil && r.state == stateOpen {
		return out, fmt.Errorf("erase %s: it goes on by itself: %w", subject, err)
	}
	if err != nil {
		d.Logger.WarnContext(ctx, "the files of the database still hold what was erased; trying again", "erasure", id, "err", err)
	}
	return out, nil
}

// Steps of an erasure, in their order. Each can be done again.
const (
	stepEvents = "events"
	stepKeys   = "keys"
	stepRows   = "rows"
	stepFiles  = "files"
)

// carry does what is left to do of an erasure.
func (d *Desk) carry(ctx context.Context, r row) (row, error) {
	d.work.Lock()
	defer d.work.Unlock()
	if r.state == stateOpen {
		for _, step := range []struct {
			name string
			do   func(context.Context, *row) error
		}{{stepEvents, d.tell}, {stepKeys, d.destroy}, {stepRows, d.empty}} {
			if step.name == d.skip {
				continue
			}
			if err := step.do(ctx, &r); err != nil {
				return r, fmt.Errorf("%s: %w", step.name, err)
			}
			if err := d.passed(step.name); err != nil {
				return r, err
			}
		}
		r.state = stateErased
	}
	if d.skip == stepFiles {
	} else if err := d.scrub(ctx, r.plan); err != nil {
		return r, fmt.Errorf("%s: %w", stepFiles, err)
	}
	if err := d.passed(stepFiles); err != nil {
		return r, err
	}
	if err := d.done(ctx, r.id); err != nil {
		return r, err
	}
	r.state = stateDone
	return r, nil
}

func (d *Desk) passed(step string) error {
	if d.after == nil {
		return nil
	}
	return d.after(step)
}

// tell writes the events. The command's id is the erasure's, so that doing it again writes nothing.
func (d *Desk) tell(ctx context.Context, r *row) error {
	for i, part := range r.plan.Parts {
		if part.Silent {
			continue
		}
		for n, chunk := range part.chunks() {
			e := domain.SubjectErased{Erasure: r.id, Kind: part.Kind, ID: part.ID, Evidence: chunk}
			if n == 0 {
				e.Keys = part.Keys
			}
			if len(part.Evidence) > domain.MaxErasedEvidence {
				e.Part = n + 1
			}
			var c domain.Command = domain.EraseSubject{SubjectErased: e}
			if r.plan.Person != nil && part.Kind == domain.KindAccount {
				c = domain.ErasePerson{SubjectErased: e}
			}
			command := fmt.Sprintf("erase:%s:%d:%d", r.id, i, n)
			result, err := d.Commands.Execute(ctx, eventstore.Request{
				Stream: part.Stream, CommandID: command, Forever: true, Digest: sha256.Sum256([]byte(command)),
				Meta: domain.Meta{Actor: r.plan.Actor, Reason: r.plan.Reason}, Command: c,
			})
			if err != nil {
				return fmt.Errorf("write to %s: %w", part.Stream, err)
			}
			if i == 0 {
				last := int64(result.Last)
				r.revision = &last
			}
		}
	}
	return nil
}

// chunks cuts the digests of a part into what one event holds; there is one at least.
func (p Part) chunks() (all [][]domain.Digest) {
	left := p.Evidence
	for len(left) > domain.MaxErasedEvidence {
		all, left = append(all, left[:domain.MaxErasedEvidence]), left[domain.MaxErasedEvidence:]
	}
	return append(all, left)
}

// destroy destroys the keys.
func (d *Desk) destroy(_ context.Context, r *row) error {
	for _, part := range r.plan.Parts {
		for _, subject := range part.Keys {
			if err := d.Keys.Destroy(subject); err != nil {
				return err
			}
		}
	}
	return nil
}

// How often open erasures are looked for, and how old one is that nobody is at work on.
const (
	lookEvery = time.Minute
	restsFor  = 30 * time.Second
)

// Run carries on what was interrupted, at once and then every minute, until ctx ends.
func (d *Desk) Run(ctx context.Context) {
	age := time.Duration(0) // at a start, all of them: who was at work may be this server, before it died
	for {
		if err := d.Resume(ctx, age); err != nil && ctx.Err() == nil {
			d.Logger.WarnContext(ctx, "an erasure is not finished; trying again", "err", err)
		}
		age = restsFor
		t := time.NewTimer(lookEvery)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
	}
}

// Resume carries on the erasures that were asked for longer than age ago and are not done. The error is of the first that
// could not be finished; the others are tried all the same.
func (d *Desk) Resume(ctx context.Context, age time.Duration) error {
	open, err := d.unfinished(ctx, age)
	for _, r := range open {
		now, failed := d.carry(ctx, r)
		switch {
		case failed == nil:
			d.Logger.InfoContext(ctx, "an erasure was carried on and is done", "erasure", r.id)
		case err == nil:
			err = fmt.Errorf("erasure %s, %s: %w", r.id, now.state, failed)
		}
	}
	return err
}

// row is an erasure as its table has it.
type row struct {
	id       uuid.UUID
	state    string
	revision *int64
	plan     *Plan
}

func (p *Plan) json() ([]byte, error) { return json.Marshal(p) }
