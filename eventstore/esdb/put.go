package esdb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// freeze makes of a slice the messages that are sent, as often as it takes. size is what the server counts.
func freeze(sl *eventstore.Slice, st *state) (batch []*streams.AppendReq, hash domain.Digest, size int, err error) {
	hash = st.hash
	for i := range sl.Events {
		e := &sl.Events[i]
		var meta []byte
		if meta, hash, err = seal(sl, i, st.last+1, hash); err != nil {
			return nil, hash, 0, err
		}
		size += len(e.Data) + len(meta) + 2*len(e.Type)
		batch = append(batch, outgoing(e.EventID, e.Type, e.Data, meta))
	}
	return batch, hash, size, nil
}

// putTries is how often a batch is sent before its outcome is called unknown.
const putTries = 12

// put sends a frozen batch until it is known what became of it. A server that was asked before compares the ids of
// the events where they were to go, so that sending again writes nothing twice. Errors: *wrongRevision,
// *TooLargeError, errTombstone, *AccessDeniedError, *UnavailableError (never sent), *OutcomeUnknownError.
func (s *Store) put(ctx context.Context, stream domain.Stream, expected domain.Revision, sl *eventstore.Slice, batch []*streams.AppendReq) error {
	doubt := false // an earlier sending may have been written
	for try := 0; ; try++ {
		last, err := s.cluster.appendOnce(ctx, stream, expected, batch)
		var elsewhere *wrongRevision
		var never *unsent
		var r *refusal
		switch {
		case err == nil && last != expected+domain.Revision(len(batch)):
			return &eventstore.DamagedError{Stream: stream, Reason: fmt.Sprintf(
				"%d events after revision %d ended at %d: it was deleted and begun again by others", len(batch), expected, last)}
		case err == nil:
			return nil
		case errors.As(err, &elsewhere) && doubt:
			return s.settle(ctx, sl, expected, err)
		case errors.As(err, &elsewhere):
			return err
		case definite(err):
			if doubt { // a refusal of now says nothing about then
				return s.settle(ctx, sl, expected, err)
			}
			return err
		case errors.As(err, &never): // nothing went out
		case errors.As(err, &r) && r.kind == errNotLeader: // nor was this taken
		default:
			doubt = true
		}
		if try+1 < putTries && pause(ctx, try) {
			continue
		}
		if ctx.Err() != nil {
			err = fmt.Errorf("%w: %w", ctx.Err(), err)
		}
		err = fmt.Errorf("append to %s: %w", stream, err)
		if doubt {
			return &eventstore.OutcomeUnknownError{Cause: err}
		}
		return &eventstore.UnavailableError{Cause: err}
	}
}

// settle looks whether a batch that is refused now was written before.
func (s *Store) settle(ctx context.Context, sl *eventstore.Slice, expected domain.Revision, refused error) error {
	same, err := s.lies(ctx, sl, expected+1)
	switch {
	case err != nil:
		return &eventstore.OutcomeUnknownError{Cause: errors.Join(refused, err)}
	case same:
		return nil
	}
	return refused
}

// guard sets the access list of a stream before its first event: only this server's user and administrators read and
// write it, and only administrators delete it or change that. Without credentials there is nobody to name.
func (s *Store) guard(ctx context.Context, stream domain.Stream) error {
	if s.config.Username == "" || s.config.DisableTLS {
		return nil
	}
	mine, admins := []string{s.config.Username, "$admins"}, []string{"$admins"}
	meta, err := json.Marshal(map[string]any{"$acl": map[string]any{"$r": mine, "$w": mine, "$d": admins, "$mr": mine, "$mw": admins}})
	if err != nil {
		return fmt.Errorf("encode an access list: %w", err)
	}
	id := uuid.NewSHA1(eventstore.CommandSpace, []byte("acl "+stream))
	batch := []*streams.AppendReq{outgoing(id, "$metadata", meta, []byte{})}
	for try := 0; ; try++ {
		_, err := s.cluster.appendOnce(ctx, "$$"+stream, domain.NoRevision, batch)
		var elsewhere *wrongRevision
		if err == nil || errors.As(err, &elsewhere) { // somebody set it already
			return nil
		}
		if definite(err) || try+1 == putTries || !pause(ctx, try) {
			return fmt.Errorf("set the access list of stream %s: %w", stream, unavailable(ctx, err))
		}
	}
}
