package main

import (
	"context"
	"fmt"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/projections"
	"github.com/annals-io/annals/projections/read"
	"github.com/jackc/pgx/v5/pgxpool"
)

// openAnswers opens the door to the read models, from behind the second wall where the database has one. The engine is
// ready, so that the roles and policies are there.
func (s *server) openAnswers(ctx context.Context, url string) error {
	wall, err := s.engine.Wall(ctx)
	if err != nil {
		return err
	}
	for _, fault := range wall.Faults {
		s.log.Error("the wall between workspaces has a hole", "fault", fault, "do", "mend it: docs/access.md says what belongs there")
	}
	for _, note := range wall.Notes {
		s.log.Info("the wall between workspaces", "note", note)
	}
	if !wall.Up {
		s.answers.Store(read.New(s.pool))
		return nil
	}
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return fmt.Errorf("read the address of the database: %w", err)
	}
	config.ConnConfig.Tracer = s.sqlTracer()
	config.ConnConfig.RuntimeParams["application_name"] = "annals"
	// The background of these connections outlives the start.
	answers, err := read.Behind(context.WithoutCancel(ctx), config, askConns, s.mayRead)
	if err != nil {
		return err
	}
	s.answers.Store(answers)
	return s.openLogAnswers(context.WithoutCancel(ctx), config)
}

// mayRead says whether whoever sent the request of a context may read a workspace, an organization or an account. It is
// the question of the second wall: it asks the rights, whatever was checked before.
func (s *server) mayRead(ctx context.Context, scope domain.Slug) (bool, error) {
	p, ok := access.From(ctx)
	if !ok {
		return false, nil
	}
	if projections.IsWorkspace(scope) {
		holds, err := s.rights.Wall().Holds(ctx, p, scope)
		return holds.Has(domain.ReadWorkspace), err
	}
	if org, ok := projections.OrganizationOf(scope); ok {
		holds, err := s.rights.Wall().HoldsIn(ctx, p, org)
		return holds.Has(domain.ReadOrganization), err
	}
	return scope == projections.AccountScope(p.Account.String()), nil
}
