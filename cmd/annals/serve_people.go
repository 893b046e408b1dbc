package main

import (
	"context"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/people"
)

// Who may create team organizations.
const (
	organizationsAnyone   = "anyone"
	organizationsOperator = "operator"
)

// openDesk is the desk for organizations and the people in them; in the background it finishes what was interrupted.
func (s *server) openDesk(ctx context.Context, f serveFlags) {
	s.desk = &people.Desk{
		Commands: s.commander(), Log: s.store, Rights: anyAdmin{}, Organizations: s.engine, First: firstOrganization,
		OperatorsOnly: f.organizations == organizationsOperator,
	}
	s.work.Go(func() { s.desk.Complete(ctx, s.log) })
}

// anyAdmin takes every admin for an operator.
type anyAdmin struct{}

func (anyAdmin) Operator(_ context.Context, p access.Principal) (bool, error) {
	return p.IsAdmin(), nil
}
