package operations

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
)

// A State says how an operation stands.
type State string

// The states. Waiting ones are taken up within a second where a server runs; the last three are the ends, of which Failed
// and Cancelled can be resumed.
const (
	Waiting   State = "waiting"
	Running   State = "running"
	Done      State = "done"
	Failed    State = "failed"
	Cancelled State = "cancelled"
)

// States are all there are.
var States = []State{Waiting, Running, Done, Failed, Cancelled}

// Over says that nothing more becomes of it by itself.
func (s State) Over() bool { return s == Done || s == Failed || s == Cancelled }

// An Operation is work that was asked for, and how it stands. Times are those of the database.
type Operation struct {
	ID     uuid.UUID
	Kind   string          // such as "projection.verify"
	Target string          // what it is about, such as a workspace; empty: the whole server
	Params json.RawMessage // a JSON object
	By     domain.Actor    // who asked for it

	State      State
	Cancelling bool   // somebody wants it to end, and it has not yet
	Tries      int    // how often a server took it up
	Stage      string // what Done and Total count; empty before the first progress
	Done       int64
	Total      int64 // 0: not known

	Result  json.RawMessage // of a Runner that ended; nil before
	Code    string          // why it failed, or what it found; stable, for programs
	Message string          // the same for people

	CreatedAt time.Time
	BegunAt   *time.Time // when it was first taken up
	ChangedAt time.Time  // the last progress or change of state
	EndedAt   *time.Time

	stageFrom int64
	stageAt   *time.Time
	now       time.Time // of the database, when this was read
}

// Rate is how many of what Done counts are done in a second, in this stage; 0: not known.
func (o *Operation) Rate() float64 {
	if o.stageAt == nil || o.State != Running {
		return 0
	}
	took := o.ChangedAt.Sub(*o.stageAt).Seconds()
	if took <= 0 {
		return 0
	}
	return float64(o.Done-o.stageFrom) / took
}

// ETA is how long this stage is going to take from now on at the rate it had; ok is false where that is not known.
func (o *Operation) ETA() (left time.Duration, ok bool) {
	rate := o.Rate()
	if rate <= 0 || o.Total <= 0 || o.Done > o.Total {
		return 0, false
	}
	left = time.Duration(float64(o.Total-o.Done) / rate * float64(time.Second))
	return max(0, left-o.now.Sub(o.ChangedAt)), true
}

// An Order asks for an operation.
type Order struct {
	ID     uuid.UUID // chosen by the caller, so that an order that is sent twice is one; zero: a new one
	Kind   string
	Target string
	Params json.RawMessage // a JSON object, or nil
	By     domain.Actor
}

// A Finding is the error of a Runner that came to its end and found something that somebody has to know of, such as
// differences: the operation is done, with its result and this.
type Finding struct{ Code, Message string }

func (f *Finding) Error() string { return f.Message }

// A Failure is an error of a Runner in words for whoever asked. Other errors are logged, and told as "internal".
type Failure struct{ Code, Message string }

func (f *Failure) Error() string { return f.Message }

// Errors of a Desk.
var (
	ErrNotFound    = errors.New("there is no such operation")
	ErrUnknownKind = errors.New("this server has no operations of that kind")
)

// An UnderWayError says that there is one of that kind about that target already.
type UnderWayError struct{ ID uuid.UUID }

func (e *UnderWayError) Error() string {
	return fmt.Sprintf("it is under way already, as operation %s", e.ID)
}

// A StateError says that an operation is not in a state for what was asked.
type StateError struct {
	State State
	Wants string // what was asked, such as "resumed"
}

func (e *StateError) Error() string {
	return fmt.Sprintf("it is %s, and cannot be %s", e.State, e.Wants)
}

// A TakenError says that an order names the id of another one.
type TakenError struct{ ID uuid.UUID }

func (e *TakenError) Error() string {
	return fmt.Sprintf("the id %s is that of another operation: choose a new one", e.ID)
}
