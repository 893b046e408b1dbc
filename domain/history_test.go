package domain

import (
	"testing"

	"github.com/google/uuid"
)

// Whoever had a right in what was imported has none, and the workspace is of the instance it came to.
func TestAnImportedHistoryIsOfWhoeverImportedIt(t *testing.T) {
	t.Parallel()
	before, importer := uuid.New(), uuid.New()
	place, roster := &State{}, &State{}
	for i, e := range []Event{
		WorkspaceCreated{Slug: "default", Name: "Personal", Organization: "theirs", Owner: before, Team: "core"},
		HistoryImported{Slug: "brought", Organization: "ours", Owner: importer, UpTo: 0},
		RoleGranted{Person(importer), Owner},
		MemberRemoved{Person(before)},
	} {
		s := place
		if e.Subject() == RosterEntity() {
			s = roster
		}
		if err := s.Apply(&Recorded{Envelope: Envelope{Revision: Revision(i)}, Event: e}); err != nil {
			t.Fatal(err)
		}
	}
	if place.Organization != "ours" || place.Owner != importer || place.Kind != ProjectWorkspace || place.Filed != "" || place.Name != "Personal" {
		t.Errorf("the workspace is %+v", place)
	}
	r := RosterOf(place, roster)
	if len(r.Members) != 1 || r.activeOwners(Person(before), nil) != 1 || len(r.Members[Person(before).String()]) != 0 {
		t.Errorf("members: %v", r.Members)
	}
}
