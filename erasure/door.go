package erasure

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
)

// Rights say what somebody may do. *access.Rights are those there are.
type Rights interface {
	// Permit refuses a principal who may not do something in a workspace, with absent where they may not even know of it.
	Permit(ctx context.Context, p access.Principal, ws domain.Slug, may domain.Permission, absent error) error
	// HoldsIn is what a principal may do in an organization: nothing where it is not there for them.
	HoldsIn(ctx context.Context, p access.Principal, org domain.Slug) (domain.PermissionSet, error)
	// Operator says whether a principal operates the server.
	Operator(ctx context.Context, p access.Principal) (bool, error)
}

// A Door lets those erase who may, by whatever protocol they come: who may end a place may erase in it; a person is erased by
// operators of the server, and by themself.
type Door struct {
	Desk   *Desk
	Rights Rights
}

// A Request asks for an erasure, or for what it would come to.
type Request struct {
	Workspace, Organization domain.Slug // the place of the subject, one of the two; a person is in none
	Person                  string      // who, by id or by the name they sign in with; empty: it is about a place
	Subject                 string      // KIND:NAME, or KIND alone for the place itself; of a person empty
	Reason                  string      // why: it is kept in the history
	Confirm                 string      // the subject once more; of a person, their id
	DryRun, Full            bool        // as of [Ask]
}

// maxReason bounds why something is erased, in bytes.
const maxReason = 2000

// Erase carries a request out.
//
// Errors: a *domain.Error whose Subject is the member of the request that is wrong, or, for what is not there for the caller,
// workspace or organization; an *access.Refusal for who may see the place and not erase in it; those of [Desk.Erase].
func (d Door) Erase(ctx context.Context, p access.Principal, r Request) (Outcome, error) {
	if err := d.Permit(ctx, p, r); err != nil {
		return Outcome{}, err
	}
	if err := r.check(); err != nil {
		return Outcome{}, err
	}
	ask := Ask{By: p, Reason: r.Reason, DryRun: r.DryRun, Full: r.Full}
	if r.Person != "" {
		return d.person(ctx, r, ask)
	}
	t, err := d.target(ctx, r)
	if err != nil {
		return Outcome{}, err
	}
	return d.Desk.Erase(ctx, t, ask)
}

// Permit refuses whoever may not erase what a request is about; whether the rest of it is in order does not matter.
func (d Door) Permit(ctx context.Context, p access.Principal, r Request) error {
	switch {
	case r.Person != "":
		return d.permitPerson(ctx, p, r.Person)
	case r.Organization != "":
		return d.permitIn(ctx, p, r.Organization)
	}
	none := &domain.Error{Code: domain.NotFound, Subject: "workspace", Message: "there is no such workspace"}
	return d.Rights.Permit(ctx, p, r.Workspace, domain.DeleteWorkspaces, none)
}

func (d Door) permitIn(ctx context.Context, p access.Principal, org domain.Slug) error {
	holds, err := d.Rights.HoldsIn(ctx, p, org)
	switch {
	case err != nil:
		return err
	case holds.Has(domain.DeleteOrganizations):
		return nil
	case holds.Has(domain.ReadOrganization):
		return access.Lacking(domain.DeleteOrganizations, "organization "+string(org))
	}
	return &domain.Error{Code: domain.NotFound, Subject: "organization", Message: "there is no such organization"}
}

func (d Door) permitPerson(ctx context.Context, p access.Principal, who string) error {
	operates, err := d.Rights.Operator(ctx, p)
	if err != nil || operates {
		return err
	}
	id, err := uuid.Parse(who)
	if err == nil && id == p.Account && p.Holder == domain.AccountGrantee && p.Workspace == "" && p.Run == nil && slices.Contains(p.Scopes, access.Admin) {
		return nil
	}
	return &access.Refusal{Status: http.StatusForbidden, Code: "permission_missing", Message: "a person is erased by themself, or by an operator of the server"}
}

// check holds a request to its rules.
func (r Request) check() error {
	switch {
	case len(r.Reason) > maxReason || !utf8.ValidString(r.Reason) || bytes.ContainsRune([]byte(r.Reason), 0):
		return invalid("reason", fmt.Sprintf("a reason is text of at most %d bytes", maxReason))
	case r.Reason == "" && !r.DryRun:
		return &domain.Error{Code: domain.Required, Subject: "reason", Message: "say why: it is kept in the history"}
	case r.Person != "":
		return nil
	}
	if _, err := ParseWord(r.Subject, r.kinds()); err != nil {
		return err
	}
	if !r.DryRun && r.Confirm != r.Subject {
		return invalid("confirm", "to erase something, say the subject once more")
	}
	return nil
}

func (r Request) kinds() []string {
	if r.Organization != "" {
		return OrganizationKinds
	}
	return WorkspaceKinds
}

// person erases a person.
func (d Door) person(ctx context.Context, r Request, a Ask) (Outcome, error) {
	id, err := uuid.Parse(r.Person)
	if err != nil {
		ok := false
		if id, ok, err = d.Desk.Account(ctx, r.Person); err == nil && !ok {
			err = notThere("nobody signs in as %q", clip(r.Person))
		}
	}
	if err == nil && !r.DryRun && r.Confirm != id.String() {
		err = invalid("confirm", "to erase a person, say their id once more")
	}
	if err != nil {
		return Outcome{}, err
	}
	return d.Desk.ErasePerson(ctx, id, a)
}

// target is what a request means, in its place.
func (d Door) target(ctx context.Context, r Request) (t Target, err error) {
	word, err := ParseWord(r.Subject, r.kinds())
	if err != nil {
		return t, err
	}
	t = Target{Stream: domain.WorkspaceStream(r.Workspace), Word: r.Subject}
	if r.Organization != "" {
		t.Stream = domain.OrganizationStream(r.Organization)
	}
	switch word.Kind {
	case OfWorkspace:
		t.Entity = domain.WorkspaceEntity()
	case OfPipeline, OfRun, OfArtifact:
		t.Entity, err = d.Desk.Find(ctx, r.Workspace, word)
	case OfOrganization:
		t.Entity = domain.OrganizationEntity(r.Organization)
	case OfTeam:
		t.Entity = domain.TeamEntity(word.Name)
	case OfService:
		var id uuid.UUID
		id, err = word.id()
		t.Entity = domain.Entity{Kind: domain.KindServiceAccount, ID: id}
	default:
		err = t.inPlace(word)
	}
	return t, err
}

// inPlace is a subject that workspaces and organizations have alike.
func (t *Target) inPlace(w Word) error {
	switch w.Kind {
	case OfEvent:
		n, err := w.revision()
		t.Event = &n
		return err
	case OfRole:
		t.Entity, t.Role = domain.RosterEntity(), w.Name
	case OfInvitation:
		id, err := w.id()
		t.Entity = domain.InvitationEntity(id)
		return err
	}
	return nil
}

func invalid(field, message string) error {
	return &domain.Error{Code: domain.Invalid, Subject: field, Message: message}
}

// clip keeps what a caller sent short in a message.
func clip(s string) string {
	const most = 80
	if len(s) > most {
		s = s[:most]
	}
	return s
}
