package main

import (
	"context"
	"errors"
	"strings"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access/account"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/erasure"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/graphql/relay"
	"github.com/annals-io/annals/projections"
	"github.com/annals-io/annals/projections/read"
)

// eraser is the desk that erases.
func (s *server) eraser() *erasure.Desk {
	return &erasure.Desk{
		Log: s.store, Commands: s.rights.Watch(s.commander()), DB: s.pool, Owner: s.owner, Keys: s.sealer, Logger: s.log,
		Find: s.erasable, Accepted: s.acceptedBy,
		Account: func(ctx context.Context, login string) (uuid.UUID, bool, error) {
			a, ok, err := s.accounts.ByLogin(ctx, strings.ToLower(login))
			return a.ID, ok, err
		},
		Shut: func(ctx context.Context, id uuid.UUID, by domain.Actor, reason string) error {
			return s.accounts.Disable(ctx, id, account.Verdict{By: by, Reason: reason})
		},
		Forget: func() {
			if s.signIn != nil {
				s.signIn.Sessions.Forget()
			}
		},
	}
}

// eraseDoor lets those erase who may.
func (s *server) eraseDoor() erasure.Door { return erasure.Door{Desk: s.erasures, Rights: s.rights} }

// acceptedBy are the invitations that a person came by, as far as can be read by now.
func (s *server) acceptedBy(ctx context.Context, person uuid.UUID) ([]erasure.Accepted, error) {
	found, err := s.engine.AcceptedBy(ctx, person)
	if err != nil {
		return nil, err
	}
	all := make([]erasure.Accepted, len(found))
	for i, x := range found {
		all[i] = erasure.Accepted{Stream: projections.StreamOf(x.Place), Invitation: x.Invitation}
	}
	return all, nil
}

// erasable is the thing of a workspace that a word means: an id, a name as everywhere, or the name of something that was
// deleted, which lists do not find any more.
func (s *server) erasable(ctx context.Context, ws domain.Slug, w erasure.Word) (domain.Entity, error) {
	kind := map[string]domain.Kind{erasure.OfPipeline: domain.KindPipeline, erasure.OfRun: domain.KindRun, erasure.OfArtifact: domain.KindArtifact}[w.Kind]
	at, err := s.engine.Open(ctx, ws, projections.AsOf{}, nil, runWait)
	if err != nil {
		return domain.Entity{}, err
	}
	db := s.answers.Load()
	var key int64
	if id, no := relay.ParseID(w.Name); no == nil && id.Slug == string(ws) {
		key = id.Key
	} else {
		key, err = db.Resolve(ctx, at, kind, w.Name)
	}
	var ambiguous *read.AmbiguousError
	switch {
	case errors.As(err, &ambiguous):
		return domain.Entity{}, &domain.Error{Code: domain.Conflict, Subject: "subject", Message: ambiguous.Error()}
	case errors.Is(err, domain.NotFound):
		return s.deletedThing(ctx, ws, kind, w.Name)
	case err != nil:
		return domain.Entity{}, err
	}
	found, err := entityOf(ctx, db, at, kind, key)
	if err == nil && found == (domain.Entity{}) {
		err = noSubject(kind, w.Name)
	}
	return found, err
}

func noSubject(kind domain.Kind, word string) error {
	return &domain.Error{Code: domain.NotFound, Subject: "subject", Message: "there is no " + string(kind) + " " + strings.ToValidUTF8(clip(word, 80), "")}
}

// entityOf is the thing of a key; the zero entity where there is none.
func entityOf(ctx context.Context, db *read.DB, at read.Moment, kind domain.Kind, key int64) (domain.Entity, error) {
	switch kind {
	case domain.KindPipeline:
		rows, err := db.PipelinesByKey(ctx, at, []int64{key})
		if err != nil || len(rows) == 0 {
			return domain.Entity{}, err
		}
		return domain.PipelineEntity(domain.Name{Namespace: rows[0].Namespace, Name: rows[0].Name}), nil
	case domain.KindArtifact:
		rows, err := db.ArtifactsByKey(ctx, at, []int64{key})
		if err != nil || len(rows) == 0 {
			return domain.Entity{}, err
		}
		return domain.ArtifactEntity(domain.Name{Namespace: rows[0].Namespace, Name: rows[0].Name}), nil
	}
	rows, err := db.RunsByKey(ctx, at, []int64{key})
	if err != nil || len(rows) == 0 {
		return domain.Entity{}, err
	}
	ref := domain.RunRef{ID: rows[0].RunID}
	if rows[0].Foreign {
		jobs, err := db.PipelinesByKey(ctx, at, []int64{rows[0].Pipeline})
		if err != nil {
			return domain.Entity{}, err
		}
		if len(jobs) > 0 {
			ref.Job = domain.Name{Namespace: jobs[0].Namespace, Name: jobs[0].Name}
		}
	}
	return domain.RunEntity(ref), nil
}

// deletedThing looks in the log itself: it knows what was deleted by its name.
func (s *server) deletedThing(ctx context.Context, ws domain.Slug, kind domain.Kind, word string) (domain.Entity, error) {
	candidates := []domain.Entity{}
	names := []domain.Name{{Name: strings.TrimPrefix(word, "/")}}
	for i, c := range word {
		if c == '/' && i > 0 && i+1 < len(word) {
			names = append(names, domain.Name{Namespace: word[:i], Name: word[i+1:]})
		}
	}
	for _, n := range names {
		switch kind {
		case domain.KindPipeline:
			candidates = append(candidates, domain.PipelineEntity(n))
		case domain.KindArtifact:
			candidates = append(candidates, domain.ArtifactEntity(n))
		}
	}
	if kind == domain.KindRun {
		candidates = append(candidates, domain.RunEntity(domain.RunRef{ID: word}))
	}
	for _, e := range candidates {
		states, err := s.rights.Lens().See(ctx, eventstore.Sight{Stream: domain.WorkspaceStream(ws), Entity: e})
		if err != nil {
			return domain.Entity{}, err
		}
		if states[0].Exists {
			return e, nil
		}
	}
	return domain.Entity{}, noSubject(kind, word)
}
