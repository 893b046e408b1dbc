package eventstore

import (
	"context"

	"github.com/annals-io/annals/domain"
)

// A RawPage is a run of events of the log as they are stored: Event is nil, Meta is empty, Data and MetaData are the
// very bytes. Stream and Revision are filled in.
type RawPage struct {
	Events   []NewEvent
	Next     Position // where to go on
	CaughtUp bool     // there was nothing more at the moment of reading
}

// RawReader reads the log byte for byte, for who copies or checks it and need not understand it. It notices damage as
// [Reader] does.
type RawReader interface {
	// ReadRaw reads at most limit events of the log after a position, in order.
	ReadRaw(ctx context.Context, after Position, limit int) (RawPage, error)
}

// RawStreamReader reads one stream byte for byte.
type RawStreamReader interface {
	// ReadRawStream reads at most limit events of a stream from a revision, inclusive, forward. A stream that does not
	// exist is *[NotFoundError].
	ReadRawStream(ctx context.Context, stream domain.Stream, from domain.Revision, limit int) (RawPage, error)
}
