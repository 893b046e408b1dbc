package main

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/postgres"
	"github.com/annals-io/annals/graphql"
	"github.com/annals-io/annals/projections"
	"github.com/annals-io/annals/projections/read"
)

// logConns is how many connections read texts and events for answers.
const logConns = 6

// A walledLog is the log as answers show it: from behind the second wall. Where events lie in another store, which has no
// such wall, what is read of them is asked for by the rights all the same.
type walledLog struct {
	*postgres.Answers
	elsewhere eventstore.Store // of events; nil: they are in the database
	may       read.May
	mayWrite  read.May
}

// openLogAnswers opens the door to the log behind the wall.
func (s *server) openLogAnswers(ctx context.Context, config *pgxpool.Config) error {
	l := &walledLog{may: s.mayRead, mayWrite: s.mayWrite}
	if _, here := s.store.(*postgres.Store); !here {
		l.elsewhere = s.store
	}
	var err error
	l.Answers, err = postgres.OpenAnswers(ctx, config, logConns, postgres.Wall{Reader: read.Reader, Surveyor: read.Surveyor, May: s.mayRead, MayWrite: s.mayWrite})
	if err == nil {
		s.logAnswers.Store(l)
	}
	return err
}

// logFor is what answers read the log through.
func (s *server) logFor() graphql.Log {
	if l := s.logAnswers.Load(); l != nil {
		return l
	}
	return graphql.OpenLog{Store: s.store}
}

// mayWrite says whether whoever sent the request of a context may know what was written to a workspace, and by which command:
// who may read it, and who may send events to it.
func (s *server) mayWrite(ctx context.Context, scope domain.Slug) (bool, error) {
	p, ok := access.From(ctx)
	if !ok || !projections.IsWorkspace(scope) {
		return false, nil
	}
	holds, err := s.rights.Wall().Holds(ctx, p, scope)
	return holds.Has(domain.ReadWorkspace) || holds.Has(domain.IngestEvents), err
}

// ReadStream reads a page of the events of the moment's place.
func (l *walledLog) ReadStream(ctx context.Context, at read.Moment, from domain.Revision, dir eventstore.Direction, limit int) (eventstore.Page, error) {
	stream := projections.StreamOf(at.Slug)
	if l.elsewhere == nil {
		return l.Answers.ReadStream(ctx, stream, at.Sake(), from, dir, limit)
	}
	ok, err := l.may(ctx, at.Sake())
	if err != nil {
		return eventstore.Page{}, fmt.Errorf("ask who may read %s: %w", at.Sake(), err)
	}
	if !ok {
		return eventstore.Page{}, &eventstore.NotFoundError{Stream: stream}
	}
	return l.elsewhere.ReadStream(ctx, stream, from, dir, limit)
}

// Evidence reads bodies of several places at once; they lie in the database wherever events do.
func (l *walledLog) Evidence(ctx context.Context, bodies []graphql.Bodies) ([]map[domain.Digest][]byte, error) {
	glances := make([]postgres.Glance, len(bodies))
	for i, b := range bodies {
		glances[i] = postgres.Glance{Stream: projections.StreamOf(b.At.Slug), For: b.At.Sake(), Digests: b.Digests}
	}
	return l.Answers.Evidence(ctx, glances)
}

// Commands says which commands wrote to a workspace.
func (l *walledLog) Commands(ctx context.Context, workspace domain.Slug, ids []string) (map[string]eventstore.KnownCommand, error) {
	stream := domain.WorkspaceStream(workspace)
	if l.elsewhere == nil {
		return l.Answers.Commands(ctx, stream, workspace, ids)
	}
	ok, err := l.mayWrite(ctx, workspace)
	if err != nil || !ok {
		return nil, err
	}
	return l.elsewhere.Commands(ctx, stream, ids)
}
