package erasure

import (
	"context"
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
	Files    bool             `json:"files" doc:"The files of the database were rewritten too: no page holds a byte of it."`
	Left     string           `json:"filesLeft,omitempty" enum:"watched,large" doc:"Why they were not. watched: something in the database began before the erasure and is not over, and the server tries again each minute. large: the evidence is more than is rewritten without being asked; its pages are freed, and hold the bytes until other evidence comes to lie there. Erasing again with full rewrites them."`
	Counts
}

// Why files were not rewritten.
const (
	leftWatched = "watched"
	leftLarge   = "large"
)

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
		return d.again(ctx, out, p, a)
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
	switch {
	case err != nil && r.state == stateOpen:
		return out, fmt.Errorf("erase %s: it goes on by itself: %w", subject, err)
	case err != nil:
		out.Left = leftWatched
		d.Logger.WarnContext(ctx, "the files of the database still hold what was erased; trying again", "erasure", id, "err", err)
	case r.large:
		out.Left = leftLarge
	default:
		out.Files = true
	}
	return out, nil
}

// again answers for what there is nothing to erase of: it was erased before, or never had anything. Where bodies of it were
// erased and full is asked for, their file is rewritten, which may have been put off then.
func (d *Desk) again(ctx context.Context, out Outcome, p *Plan, a Ask) (Outcome, error) {
	out.State = nothing
	if p.since != nil {
		out.State, out.Revision, out.At = already, &p.since.Revision, &p.since.At
	} else if p.Counts.Gone > 0 {
		out.State = already
	}
	if !a.Full || a.DryRun || p.Counts.Gone == 0 {
		return out, nil
	}
	d.work.Lock()
	defer d.work.Unlock()
	if _, err := d.scrub(context.WithoutCancel(ctx), p); err != nil {
		out.Left = leftWatched
		d.Logger.WarnContext(ctx, "the files of the database were not rewritten", "subject", p.Parts[0].Kind, "err", err)
		return out, nil
	}
	out.Files = true
	return out, nil
}
