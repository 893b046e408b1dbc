package main

import (
	"context"

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
		Commands: s.rights.Watch(s.commander()), Log: s.store, Lens: s.rights.Lens(), Rights: s.rights, Sealer: s.sealer,
		Organizations: s.engine, First: firstOrganization, OperatorsOnly: f.organizations == organizationsOperator,
	}
	s.work.Go(func() { s.desk.Complete(ctx, s.log) })
}
