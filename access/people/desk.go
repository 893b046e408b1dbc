package people

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/evidence"
)

// Rights say what somebody may do. *access.Rights are those there are.
type Rights interface {
	// Holds is what a principal may do in a workspace: nothing where it is not there for them.
	Holds(ctx context.Context, p access.Principal, ws domain.Slug) (domain.PermissionSet, error)
	// HoldsIn is what a principal may do in an organization: nothing where it is not there for them.
	HoldsIn(ctx context.Context, p access.Principal, org domain.Slug) (domain.PermissionSet, error)
	// Operator says whether a principal operates the server.
	Operator(ctx context.Context, p access.Principal) (bool, error)
}

// A Sealer makes values unreadable without the key of their subject. *vault.Keys is the one there is.
type Sealer interface {
	Seal(subject, value string) (domain.Personal, error)
}

// A Lens shows decision states as the log has them. *eventstore.Lens is the one there is.
type Lens interface {
	// See answers the states of entities in their order, the zero State where no fact is about one.
	See(ctx context.Context, at ...eventstore.Sight) ([]*domain.State, error)
	// Forget makes the next look at a stream a new one.
	Forget(stream domain.Stream)
}

// A Desk carries out the commands about organizations and the people in them. Every field is needed, save those said to
// have a default. It is safe for concurrent use.
type Desk struct {
	Commands eventstore.Commander
	Log      eventstore.Reader
	Lens     Lens
	Rights   Rights
	Sealer   Sealer
	// Organizations lists the organizations there are, for [Desk.Complete].
	Organizations Organizations
	// Places finds where a person holds roles, for [Desk.ShutOut].
	Places Places
	// First is the organization that the first start made. Its default workspace is called default, and made then.
	First domain.Slug
	// OperatorsOnly keeps team organizations to those who operate the server; else any signed-in person creates them.
	OperatorsOnly bool
	// Now tells the time; nil: time.Now.
	Now func() time.Time
}

// An Ask is what every request carries besides what it is about.
type Ask struct {
	// Key makes a request that is sent again the same request, of the same caller; empty: each is one of its own.
	Key string
	// Reason is why, for the history.
	Reason string
	// Correlation ties the request to others of the caller.
	Correlation string
	// Since is the revision at which the caller saw what they change: when it changed later, nothing is done.
	Since *domain.Revision
}

// maxAsk bounds what callers make up, in bytes.
const (
	maxKey    = 128
	maxReason = 2000
)

func (a Ask) check() error {
	for _, x := range []struct {
		field, value string
		most         int
	}{{"idempotencyKey", a.Key, maxKey}, {"correlationId", a.Correlation, maxKey}, {"reason", a.Reason, maxReason}} {
		if len(x.value) > x.most {
			return &domain.Error{Code: domain.TooLong, Subject: x.field, Message: fmt.Sprintf("%s has %d bytes; at most %d", x.field, len(x.value), x.most)}
		}
	}
	return nil
}

// now is the time.
func (d *Desk) now() time.Time {
	if d.Now != nil {
		return d.Now()
	}
	return time.Now()
}

// request begins a request: name and input say what is asked, so that the same key with something else is a conflict.
func (d *Desk) request(p access.Principal, a Ask, stream domain.Stream, name string, input any) (eventstore.Request, error) {
	if err := a.check(); err != nil {
		return eventstore.Request{}, err
	}
	said, err := json.Marshal([]any{name, stream, input, a.Reason, a.Since})
	if err != nil {
		return eventstore.Request{}, fmt.Errorf("hash the input of %s: %w", name, err)
	}
	r := eventstore.Request{
		Stream: stream, Digest: sha256.Sum256(said), IfUnchangedSince: a.Since,
		Meta: domain.Meta{Actor: p.Actor(), Reason: a.Reason, CorrelationID: a.Correlation},
	}
	if a.Key != "" {
		// The key is the caller's own: another caller's command of the same key is another command.
		r.CommandID = "d1:" + p.Actor().Credential() + ":" + a.Key
	}
	return r, nil
}

// text keeps a free text beside the log, and answers the reference that an event carries; nil stays nil.
func text(r *eventstore.Request, s *string) *domain.Text {
	if s == nil || *s == "" {
		return nil
	}
	e := evidence.New([]byte(*s))
	r.Evidence = append(r.Evidence, e)
	return &domain.Text{Evidence: e.Digest}
}

// made is an id that the desk makes up: the same one whenever the same request is sent again.
func made(r eventstore.Request) uuid.UUID {
	if r.CommandID == "" {
		return uuid.New()
	}
	return uuid.NewSHA1(eventstore.CommandSpace, []byte(string(r.Stream)+"\x00"+r.CommandID))
}

// do carries out a command, and has what it changed looked at anew.
func (d *Desk) do(ctx context.Context, r eventstore.Request, c domain.Command) (eventstore.Result, error) {
	r.Command = c
	result, err := d.Commands.Execute(ctx, r)
	d.Lens.Forget(r.Stream)
	return result, err
}
