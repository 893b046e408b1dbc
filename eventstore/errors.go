package eventstore

import (
	"fmt"
	"time"

	"github.com/annals-io/annals/domain"
)

// A WrongExpectedError says that the stream is not where the append expected it. Nothing of the slice was written.
// Where Expected and Actual are the same, the slice counted on another one of the same call that was left out.
type WrongExpectedError struct {
	Stream   domain.Stream
	Expected Expected
	Actual   domain.Revision
}

func (e *WrongExpectedError) Error() string {
	if domain.Revision(e.Expected) == e.Actual {
		return fmt.Sprintf("stream %s is at revision %d with other events than expected", e.Stream, e.Actual)
	}
	return fmt.Sprintf("stream %s is at revision %d, not %d", e.Stream, e.Actual, e.Expected)
}

// A CommandConflictError says that the command id is known with another request.
type CommandConflictError struct {
	Stream    domain.Stream
	CommandID string
	Known     KnownCommand
}

func (e *CommandConflictError) Error() string {
	return fmt.Sprintf("command %s of stream %s is known with another request, at revisions %d to %d: choose another id", e.CommandID, e.Stream, e.Known.First, e.Known.Last)
}

// Unwrap is domain.Conflict.
func (e *CommandConflictError) Unwrap() error { return domain.Conflict }

// A MovedError says that a stream has events after the one that its caller had looked at ([Request.IfStreamAt]). Nothing
// was written: look again, and decide anew.
type MovedError struct {
	Stream       domain.Stream
	Seen, Actual domain.Revision
}

func (e *MovedError) Error() string {
	return fmt.Sprintf("stream %s is at revision %d, and was looked at as of %d", e.Stream, e.Actual, e.Seen)
}

// A NotFoundError says that there is no such stream.
type NotFoundError struct{ Stream domain.Stream }

func (e *NotFoundError) Error() string { return fmt.Sprintf("there is no stream %s", e.Stream) }

// A DamagedError says that a stream was cut, deleted or altered from outside: nothing is appended to it any more.
type DamagedError struct {
	Stream domain.Stream
	Reason string
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("stream %s is damaged: %s; restore it from a backup", e.Stream, e.Reason)
}

// A TooLargeError says that the events of one command, or one piece of evidence, are over the limit.
type TooLargeError struct {
	Stream      domain.Stream
	Size, Limit int // bytes
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("%d bytes for stream %s; at most %d in one command: split it", e.Size, e.Stream, e.Limit)
}

// An OutcomeUnknownError says that an append may or may not have been written: send the identical slices again.
type OutcomeUnknownError struct{ Cause error }

func (e *OutcomeUnknownError) Error() string { return "the outcome is unknown: " + e.Cause.Error() }

// Unwrap is the cause.
func (e *OutcomeUnknownError) Unwrap() error { return e.Cause }

// An UnavailableError says that the backend cannot be reached or takes nothing now. Nothing was written.
type UnavailableError struct{ Cause error }

func (e *UnavailableError) Error() string {
	return "the event store is unavailable: " + e.Cause.Error()
}

// Unwrap is the cause.
func (e *UnavailableError) Unwrap() error { return e.Cause }

// An AccessDeniedError says that the backend refuses this server.
type AccessDeniedError struct{ Cause error }

func (e *AccessDeniedError) Error() string {
	return "the event store denies access: " + e.Cause.Error()
}

// Unwrap is the cause.
func (e *AccessDeniedError) Unwrap() error { return e.Cause }

// An OverloadedError says that a mailbox is full: nothing was taken, come again after RetryAfter.
type OverloadedError struct {
	Stream     domain.Stream
	RetryAfter time.Duration
}

func (e *OverloadedError) Error() string {
	return fmt.Sprintf("stream %s has too many commands waiting; try again in %s", e.Stream, e.RetryAfter)
}

// A PausedError says that a stream holds an event this build does not know: it decides nothing there.
type PausedError struct {
	Stream domain.Stream
	Cause  error
}

func (e *PausedError) Error() string {
	return fmt.Sprintf("stream %s is paused: %s; start a newer server", e.Stream, e.Cause)
}

// Unwrap is the cause.
func (e *PausedError) Unwrap() error { return e.Cause }
