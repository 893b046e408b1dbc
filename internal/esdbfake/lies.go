package esdbfake

// A Lie is an answer that no server gives. A suite that passes against a server which tells one proves nothing: each
// is a control, and some test has to fail on it.
type Lie string

// The lies.
const (
	LieExpectedRevision Lie = "expected-revision" // every expected revision fits
	LieIdempotence      Lie = "idempotence"       // what was written before is written again
	LieTombstone        Lie = "tombstone"         // a tombstone is an event as any other
	LieNotFound         Lie = "not-found"         // a stream that is none reads as an empty one
	LieReadFrom         Lie = "read-from"         // reads leave out the event they were to begin with
	LieFilter           Lie = "filter"            // filters let everything through
	LieCaughtUp         Lie = "caught-up"         // subscriptions never say that they caught up
	LieCheckpoint       Lie = "checkpoint"        // filtered subscriptions never send a checkpoint
	LiePassword         Lie = "password"          // every password is right
	LieAccess           Lie = "access"            // access lists are not looked at
)

// Lies are all of them.
func Lies() []Lie {
	return []Lie{
		LieExpectedRevision, LieIdempotence, LieTombstone, LieNotFound, LieReadFrom, LieFilter, LieCaughtUp,
		LieCheckpoint, LiePassword, LieAccess,
	}
}
