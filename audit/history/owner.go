package history

import (
	"slices"

	"github.com/google/uuid"

	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/domain"
)

// OwnerOf is an account that owns the workspace at the end of an export; of several, the first by its id. Where there is
// none, it is an account that nothing else knows.
func OwnerOf(b *bundle.Bundle) (uuid.UUID, error) {
	place, roster := &domain.State{}, &domain.State{}
	for e, err := range b.Events(0) {
		if err != nil {
			return uuid.Nil, err
		}
		state := place
		if e.Subject == domain.RosterEntity() {
			state = roster
		} else if e.Subject != domain.WorkspaceEntity() {
			continue
		}
		said, err := domain.Decode(e.Type, e.Version, e.Data)
		if err != nil {
			continue // of a newer build: what it says of owners is not known here
		}
		if err := state.Apply(&domain.Recorded{Envelope: e.Envelope, Event: said, Data: e.Data}); err != nil {
			return uuid.Nil, err
		}
	}
	var owners []string
	for member, roles := range domain.RosterOf(place, roster).Members {
		if g, err := domain.ParseGrantee(member); err == nil && g.Kind == domain.AccountGrantee && slices.Contains(roles, domain.Owner) {
			owners = append(owners, g.ID)
		}
	}
	if len(owners) == 0 {
		return uuid.NewSHA1(uuid.Nil, []byte("looks at "+b.Manifest.Root.String())), nil
	}
	return uuid.Parse(slices.Min(owners))
}
