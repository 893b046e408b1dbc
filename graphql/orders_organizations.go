package graphql

import (
	"context"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/people"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/graphql/model"
)

// createOrganization makes an organization with its default workspace.
func (w *write) createOrganization(in model.CreateOrganizationInput) (*model.CreateOrganizationPayload, error) {
	var made people.Organization
	w.ordered(func() (_ eventstore.Result, err error) {
		made, err = w.Desk.CreateOrganization(w.ctx, w.principal, people.NewOrganization{Ask: w.ask(), Slug: domain.Slug(value(in.Slug)), Name: value(in.Name)})
		w.org = made.Slug
		return made.Result, err
	})
	out := &model.CreateOrganizationPayload{OrganizationWritten: w.organizationWritten()}
	if w.done {
		out.Default = func(ctx context.Context) (*model.Workspace, error) {
			least := int64(0)
			at, err := w.open(ctx, string(made.Workspace), nil, &least, int(readWait.Milliseconds()))
			if err != nil {
				return absent[model.Workspace](nil, err)
			}
			return absent(w.workspaceAt(ctx, at))
		}
	}
	return out, w.fault
}

// changeOrganization renames or describes an organization.
func (w *write) changeOrganization(name string, description *string, change func(context.Context, access.Principal, people.OrganizationChange) (eventstore.Result, error)) model.OrganizationWritten {
	w.ordered(func() (eventstore.Result, error) {
		return change(w.ctx, w.principal, people.OrganizationChange{Ask: w.ask(), Organization: w.org, Name: name, Description: description})
	})
	return w.organizationWritten()
}

// createTeam creates a team.
func (w *write) createTeam(in model.CreateTeamInput) model.TeamWritten {
	w.ordered(func() (eventstore.Result, error) {
		return w.Desk.CreateTeam(w.ctx, w.principal, people.NewTeam{Ask: w.ask(), Organization: w.org, Team: in.Name, Title: value(in.Title), Description: in.Description})
	})
	return w.teamWritten(in.Name)
}

// moveTeamMember puts somebody into a team, or takes them out.
func (w *write) moveTeamMember(team, member string, move func(context.Context, access.Principal, people.TeamChange) (eventstore.Result, error)) model.TeamWritten {
	q := people.TeamChange{Ask: w.ask(), Organization: w.org, Team: team, Member: w.who(member)}
	w.ordered(func() (eventstore.Result, error) { return move(w.ctx, w.principal, q) })
	return w.teamWritten(team)
}

// deleteTeam ends a team.
func (w *write) deleteTeam(team string) model.Outcome {
	w.ordered(func() (eventstore.Result, error) {
		return w.Desk.DeleteTeam(w.ctx, w.principal, people.TeamChange{Ask: w.ask(), Organization: w.org, Team: team})
	})
	return w.outcome()
}

// createServiceAccount creates one.
func (w *write) createServiceAccount(in model.CreateServiceAccountInput) model.ServiceAccountWritten {
	var id uuid.UUID
	w.ordered(func() (result eventstore.Result, err error) {
		id, result, err = w.Desk.CreateServiceAccount(w.ctx, w.principal, people.NewServiceAccount{Ask: w.ask(), Organization: w.org, Name: in.Name, Description: in.Description})
		return result, err
	})
	return model.ServiceAccountWritten{Written: written(w, func(ctx context.Context, at *model.Moment) (*model.ServiceAccount, error) {
		return w.serviceAccountNamed(ctx, at, id.String())
	})}
}

// deleteServiceAccount ends one.
func (w *write) deleteServiceAccount(account string) model.Outcome {
	id := w.idOf("account", "service account", account)
	w.ordered(func() (eventstore.Result, error) {
		return w.Desk.DeleteServiceAccount(w.ctx, w.principal, people.ServiceAccountChange{Ask: w.ask(), Organization: w.org, Account: id})
	})
	return w.outcome()
}
