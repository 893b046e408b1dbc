package eventstore

import (
	"context"
	"time"

	"github.com/annals-io/annals/domain"
)

// A Request is a command on its way: what is asked, under which id, by whom. The same CommandID with another Digest
// is a conflict; an empty CommandID is never recognised again.
type Request struct {
	Stream           domain.Stream
	CommandID        string
	Forever          bool          // remember the command id as long as the stream (ingest)
	Digest           domain.Digest // of the request's canonical form
	OccurredAt       time.Time     // the caller's time; zero: the server's
	Meta             domain.Meta   // actor, reason, correlation, evidence, producer, warnings; ids and digest are filled in
	Command          domain.Command
	IfUnchangedSince *domain.Revision // the optimistic lock on the first entity that the command needs
	IfStreamAt       *domain.Revision // the lock on the whole stream: this is its last event; a *MovedError else
	Evidence         []Evidence       // what the events refer to, stored no later than they are
}

// A Result is what became of a command.
type Result struct {
	First, Last domain.Revision // of the events appended, now or by the first sending
	Events      int
	Duplicate   bool            // the same command was carried out before: First and Last are of then
	Unchanged   bool            // it was already true: nothing was appended
	Revision    domain.Revision // read at least this to see what the command did
}

// Commander carries out commands. [Executor] is the one there is; callers that only need to act take this.
type Commander interface {
	// Execute carries out one command. Errors: *domain.Error (refused; Revision is where the stream was then),
	// *CommandConflictError, *MovedError, *OverloadedError, *PausedError, *TooLargeError, and those of the store.
	Execute(ctx context.Context, r Request) (Result, error)
	// ExecuteAll carries out several, in order within each stream, each on its own: one answer for each. They share
	// commits, so that a batch costs little more than one.
	ExecuteAll(ctx context.Context, rs []Request) []Answer
}

// An Answer is a result or an error.
type Answer struct {
	Result
	Err error
}
