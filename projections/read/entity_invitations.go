package read

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
)

// invited adds the invitations to the workspace, for those who may see them. Whom one was meant for is sealed, and no field;
// whether it has run out follows from when it does.
func (a *assembly) invited(ctx context.Context, e *Entity) error {
	if !a.invitations {
		return nil
	}
	rows, err := a.d.Invitations(ctx, a.m)
	for _, x := range rows {
		acceptedBy := ""
		if x.Account != uuid.Nil {
			acceptedBy = domain.Person(x.Account).String()
		}
		e.put(groupInvitations, x.ID.String(), struct {
			Roles      []string `json:"roles"`
			State      string   `json:"state"`
			ExpiresAt  string   `json:"expiresAt"`
			InvitedBy  string   `json:"invitedBy,omitempty"`
			AcceptedBy string   `json:"acceptedBy,omitempty"`
		}{x.Roles, strings.ToUpper(x.State), instantText(x.ExpiresAt), x.InvitedBy, acceptedBy})
	}
	return err
}
