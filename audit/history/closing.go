package history

import (
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// A closing is what an imported history leaves open, by what it is called: who holds a role, which roles are defined, which
// invitations are good, which promotions are under way. Behind the import, a fact of its own ends each of them.
type closing map[string]domain.Event

// closes are the types of events that open or end such a thing. Of the others nothing is decoded.
var closes = map[string]bool{
	"workspace.created": true, "role.granted": true, "role.revoked": true, "member.removed": true, "role.defined": true, "role.deleted": true,
	"member.invited": true, "invitation.accepted": true, "invitation.revoked": true,
	"artifact_version.sent": true, "artifact_version.promoted": true, "artifact_version.promotion_refused": true,
}

// see takes an event in. Who ever held a role is closed with a fact, whether it was taken from them before or not: that
// costs one event, and asks for no rules of revisions past.
func (c closing) see(stored *eventstore.NewEvent) {
	if !closes[stored.Type] {
		return
	}
	e, err := domain.Decode(stored.Type, stored.Version, stored.Data)
	if err != nil {
		return // it is refused when it is appended, as an event that this build does not know
	}
	switch e := e.(type) {
	case domain.WorkspaceCreated:
		if e.Owner != uuid.Nil {
			c.member(domain.Person(e.Owner))
		}
	case domain.RoleGranted:
		c.member(e.Member)
	case domain.MemberRemoved:
		delete(c, "1 "+e.Member.String())
	case domain.RoleDefined:
		c["2 "+e.Name] = domain.RoleDeleted{Name: e.Name}
	case domain.RoleDeleted:
		delete(c, "2 "+e.Name)
	case domain.MemberInvited:
		c["3 "+e.Invitation.String()] = domain.InvitationRevoked{Invitation: e.Invitation}
	case domain.InvitationAccepted:
		delete(c, "3 "+e.Invitation.String())
	case domain.InvitationRevoked:
		delete(c, "3 "+e.Invitation.String())
	case domain.ArtifactVersionSent:
		c["4 "+e.Promotion.String()] = domain.ArtifactVersionPromotionRefused{Version: e.Version, Promotion: e.Promotion, Code: domain.NotFound}
	case domain.ArtifactVersionPromoted:
		delete(c, "4 "+e.Promotion.String())
	case domain.ArtifactVersionPromotionRefused:
		delete(c, "4 "+e.Promotion.String())
	}
}

func (c closing) member(g domain.Grantee) { c["1 "+g.String()] = domain.MemberRemoved{Member: g} }

// events are the facts behind an imported history, always in the same order: that it was imported, that its new owner owns
// it, and what ends with that. The owner holds nothing but that role: whatever else was theirs ends first.
func (c closing) events(imported domain.HistoryImported) []domain.Event {
	out := []domain.Event{imported}
	owner := domain.Person(imported.Owner)
	for _, key := range slices.Sorted(maps.Keys(c)) {
		if key == "1 "+owner.String() {
			out = append(out, c[key])
		}
	}
	out = append(out, domain.RoleGranted{Member: owner, Role: domain.Owner})
	for _, key := range slices.Sorted(maps.Keys(c)) {
		if key != "1 "+owner.String() {
			out = append(out, c[key])
		}
	}
	return out
}

// isUnknown says whether an event's type or version is none that this build knows.
func isUnknown(e *eventstore.NewEvent) bool {
	return e.Version < 1 || e.Version > domain.CurrentVersion(e.Type) || !slices.Contains(known, e.Type)
}

var known = domain.EventTypes()

// names of things that no import may bring under: the streams of workspaces alone are imported.
func isWorkspace(s domain.Stream) bool { return strings.HasPrefix(string(s), "workspace-") }
