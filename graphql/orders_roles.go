package graphql

import (
	"context"
	"fmt"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/people"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/graphql/model"
)

// who is the member that an argument means.
func (w *write) who(member string) domain.Grantee {
	g, err := domain.ParseGrantee(member)
	if err != nil {
		w.failed(err)
	}
	return g
}

// roleWord is the role that an argument means; field is where it stands.
func (w *write) roleWord(role, field string) domain.RoleRef {
	ref, err := domain.ParseRoleRef(role)
	if err != nil {
		w.failed(domain.At(err, field))
	}
	return ref
}

// changeRole gives a role or takes it away.
func (w *write) changeRole(member, role string, change func(context.Context, access.Principal, people.RoleChange) (eventstore.Result, error)) model.MemberWritten {
	q := people.RoleChange{Ask: w.ask(), At: w.in(), Member: w.who(member), Role: w.roleWord(role, "role")}
	w.ordered(func() (eventstore.Result, error) { return change(w.ctx, w.principal, q) })
	return w.memberWritten(q.Member)
}

// changeMember changes everything that somebody holds.
func (w *write) changeMember(member string, change func(context.Context, access.Principal, people.MemberChange) (eventstore.Result, error)) model.MemberWritten {
	q := people.MemberChange{Ask: w.ask(), At: w.in(), Member: w.who(member)}
	w.ordered(func() (eventstore.Result, error) { return change(w.ctx, w.principal, q) })
	return w.memberWritten(q.Member)
}

// setRoles says everything that somebody is to hold.
func (w *write) setRoles(in model.SetMemberRolesInput) model.MemberWritten {
	q := people.RolesChange{Ask: w.ask(), At: w.in(), Member: w.who(in.Member)}
	for i, role := range in.Roles {
		q.Roles = append(q.Roles, w.roleWord(role, fmt.Sprintf("roles[%d]", i)))
	}
	w.ordered(func() (eventstore.Result, error) { return w.Desk.SetRoles(w.ctx, w.principal, q) })
	return w.memberWritten(q.Member)
}

// leave gives up what the caller holds.
func (w *write) leave() model.Outcome {
	w.ordered(func() (eventstore.Result, error) { return w.Desk.Leave(w.ctx, w.principal, w.ask(), w.in()) })
	return w.outcome()
}

// defineRole makes a custom role.
func (w *write) defineRole(in model.DefineRoleInput) model.RoleWritten {
	q := people.RoleDefinition{Ask: w.ask(), At: w.in(), Name: in.Name, Description: in.Description}
	for _, p := range in.Permissions {
		q.Permissions = append(q.Permissions, domain.Permission(p))
	}
	w.ordered(func() (eventstore.Result, error) { return w.Desk.DefineRole(w.ctx, w.principal, q) })
	return model.RoleWritten{Written: written(w, func(ctx context.Context, at *model.Moment) (*model.Role, error) {
		found, err := w.roleNode(ctx, at, domain.RoleRef{Level: levelOf(at), Name: in.Name}.String())
		role, _ := found.(*model.Role)
		return role, err
	})}
}

// deleteRole ends one.
func (w *write) deleteRole(name string) model.Outcome {
	w.ordered(func() (eventstore.Result, error) {
		return w.Desk.DeleteRole(w.ctx, w.principal, people.RoleDefinition{Ask: w.ask(), At: w.in(), Name: name})
	})
	return w.outcome()
}
