package erasure

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
)

// A Target is what is to be erased, in one stream.
type Target struct {
	Stream domain.Stream
	Entity domain.Entity    // whose texts; of a body, what its event is about
	Event  *domain.Revision // the event whose raw body; nil: not one body
	Role   string           // whose description, of a roster
	Word   string           // as it was asked for
}

// A Word is a subject as people write it: KIND or KIND:NAME.
type Word struct{ Kind, Name string }

// The kinds of subjects.
const (
	OfPerson       = "person"
	OfWorkspace    = "workspace"
	OfOrganization = "organization"
	OfPipeline     = "pipeline"
	OfRun          = "run"
	OfArtifact     = "artifact"
	OfEvent        = "event"
	OfRole         = "role"
	OfTeam         = "team"
	OfService      = "service-account"
	OfInvitation   = "invitation"
)

// Kinds are what there is to erase in a workspace, and in an organization.
var (
	WorkspaceKinds    = []string{OfWorkspace, OfPipeline, OfRun, OfArtifact, OfEvent, OfRole, OfInvitation}
	OrganizationKinds = []string{OfOrganization, OfRole, OfTeam, OfService, OfInvitation}
)

// ParseWord reads a subject. Its error says the rule.
func ParseWord(s string, kinds []string) (Word, error) {
	kind, name, named := strings.Cut(s, ":")
	no := func(format string, args ...any) (Word, error) {
		return Word{}, &domain.Error{Code: domain.Invalid, Subject: "subject", Message: fmt.Sprintf(format, args...)}
	}
	known := false
	for _, k := range kinds {
		known = known || k == kind
	}
	switch whole := kind == OfWorkspace || kind == OfOrganization; {
	case !known:
		return no("a subject is one of %s, and a name behind a colon", strings.Join(kinds, ", "))
	case whole && named:
		return no("the %s is the one that is asked: say %s alone", kind, kind)
	case !whole && name == "":
		return no("say which %s: %s:NAME", kind, kind)
	}
	return Word{kind, name}, nil
}

// revision is the number of an event.
func (w Word) revision() (domain.Revision, error) {
	n, err := strconv.ParseInt(w.Name, 10, 63)
	if err != nil || n < 0 {
		return 0, &domain.Error{Code: domain.Invalid, Subject: "subject", Message: "an event goes by its revision, such as event:120"}
	}
	return domain.Revision(n), nil
}

// id is the id of what goes by one.
func (w Word) id() (uuid.UUID, error) {
	id, err := uuid.Parse(w.Name)
	if err != nil {
		return id, &domain.Error{Code: domain.Invalid, Subject: "subject", Message: fmt.Sprintf("write %s:ID, with the id of the %s", w.Kind, strings.ReplaceAll(w.Kind, "-", " "))}
	}
	return id, nil
}

// notThere refuses a subject that is not there.
func notThere(format string, args ...any) error {
	return &domain.Error{Code: domain.NotFound, Subject: "subject", Message: fmt.Sprintf(format, args...)}
}
