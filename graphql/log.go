package graphql

import (
	"context"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/projections"
	"github.com/annals-io/annals/projections/read"
)

// Log reads events as they lie in their stream, and the texts they refer to, of places that whoever asks may read; another
// place is answered as one that never was. What is read is named by the moment that an answer is given at, which says for
// whose sake, too: see [read.Moment.For].
type Log interface {
	// ReadStream reads a page of the events of the moment's place.
	ReadStream(ctx context.Context, at read.Moment, from domain.Revision, dir eventstore.Direction, limit int) (eventstore.Page, error)
	// Evidence reads bodies of several places at once, in the order they are asked for; what is not there is absent.
	Evidence(ctx context.Context, bodies []Bodies) ([]map[domain.Digest][]byte, error)
	// Commands says which commands wrote to a workspace, to those who may write to it.
	Commands(ctx context.Context, workspace domain.Slug, ids []string) (map[string]eventstore.KnownCommand, error)
}

// Bodies are bodies of one place that are asked for.
type Bodies struct {
	At      read.Moment
	Digests []domain.Digest
}

// An OpenLog is a log behind the first wall alone: it is read as the server itself reads it.
type OpenLog struct{ eventstore.Store }

// ReadStream reads a page of the events of the moment's place.
func (l OpenLog) ReadStream(ctx context.Context, at read.Moment, from domain.Revision, dir eventstore.Direction, limit int) (eventstore.Page, error) {
	return l.Store.ReadStream(ctx, projections.StreamOf(at.Slug), from, dir, limit)
}

// Evidence reads bodies of several places, one place after the other.
func (l OpenLog) Evidence(ctx context.Context, bodies []Bodies) ([]map[domain.Digest][]byte, error) {
	out := make([]map[domain.Digest][]byte, len(bodies))
	for i, b := range bodies {
		var err error
		if out[i], err = l.Store.Evidence(ctx, projections.StreamOf(b.At.Slug), b.Digests); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Commands says which commands wrote to a workspace.
func (l OpenLog) Commands(ctx context.Context, workspace domain.Slug, ids []string) (map[string]eventstore.KnownCommand, error) {
	return l.Store.Commands(ctx, domain.WorkspaceStream(workspace), ids)
}

// shownTo reads the bodies of one place as whoever asks may see them.
type shownTo struct {
	log Log
	at  read.Moment
}

// Evidence reads bodies of the place, which is the stream's.
func (s shownTo) Evidence(ctx context.Context, _ domain.Stream, digests []domain.Digest) (map[domain.Digest][]byte, error) {
	found, err := s.log.Evidence(ctx, []Bodies{{s.at, digests}})
	if err != nil {
		return nil, err
	}
	return found[0], nil
}
