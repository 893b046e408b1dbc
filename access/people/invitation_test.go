package people_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/people"
	"github.com/annals-io/annals/domain"
)

// invite has ada invite somebody to the lab.
func (o *office) invite(at people.Place, roles ...domain.RoleRef) people.Invitation {
	o.t.Helper()
	made, err := o.Invite(o.t.Context(), session(ada), people.NewInvitation{At: at, Roles: roles})
	if err != nil {
		o.t.Fatal(err)
	}
	return made
}

func (o *office) accept(who uuid.UUID, token string) error {
	_, _, err := o.AcceptInvitation(o.t.Context(), session(who), people.Ask{}, token)
	return err
}

func TestAnInvitationIsAcceptedOnce(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]people.Place{"organization": inAcme, "workspace": inLab} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := village(t, stores["memory"](t))
			made := o.invite(at, domain.Member)
			if made.Link != "/invitations/accept#"+made.ID.String()+"."+strings.TrimPrefix(made.Token, made.ID.String()+".") || made.ExpiresAt != noon.Add(7*24*time.Hour) {
				t.Errorf("made %+v", made)
			}
			offer, err := o.Offer(t.Context(), session(eve), people.TokenOf(" http://localhost:8080"+made.Link+"\n"))
			if err != nil || offer.At != at || !slices.Equal(offer.Roles, []domain.RoleRef{domain.Member}) || offer.Name == "" {
				t.Errorf("it offers %+v, %v", offer, err)
			}
			if len(o.may(at, domain.Person(eve))) > 0 {
				t.Error("eve may do something before she accepted")
			}
			if err := o.accept(eve, made.Token); err != nil {
				t.Fatal(err)
			}
			want, _ := domain.BuiltinPermissions(domain.WorkspaceLevel, domain.Member)
			if at.Organization != "" {
				want, _ = domain.BuiltinPermissions(domain.OrganizationLevel, domain.Member)
			}
			if got := o.may(at, domain.Person(eve)).List(); !slices.Equal(got, want) {
				t.Errorf("eve may %v, want %v", got, want)
			}
			_, again, err := o.AcceptInvitation(t.Context(), session(eve), people.Ask{}, made.Token)
			if err != nil || !again.Duplicate {
				t.Errorf("eve accepts again: %+v, %v; want a duplicate", again, err)
			}
			refused(t, o.accept(mel, made.Token), domain.Gone, "invitation")
			_, err = o.RevokeInvitation(t.Context(), session(ada), people.InvitationChange{At: at, Invitation: made.ID})
			refused(t, err, domain.Gone, "invitation")
		})
	}
}

// A hundred people come with one link at once, to several servers: one of them is let in.
func TestOneOfAHundredIsLetIn(t *testing.T) {
	t.Parallel()
	for kind, store := range stores {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := store(t)
			o := village(t, s)
			token := o.invite(inLab, domain.Member).Token
			doors := []*office{o, openOn(t, s), openOn(t, s), openOn(t, s)}
			var all sync.WaitGroup
			var in atomic.Int64
			for i := range 100 {
				who := uuid.UUID{13: 1, 15: byte(i)}
				all.Go(func() {
					err := doors[i%len(doors)].accept(who, token)
					switch {
					case err == nil:
						in.Add(1)
					case !errors.Is(err, domain.Gone):
						t.Errorf("one who was late is told %v", err)
					}
				})
			}
			all.Wait()
			members := 0
			for i := range 100 {
				if o.may(inLab, domain.Person(uuid.UUID{13: 1, 15: byte(i)})).Has(domain.ReadWorkspace) {
					members++
				}
			}
			if in.Load() != 1 || members != 1 {
				t.Errorf("%d were told that they are in, and %d are; want 1", in.Load(), members)
			}
		})
	}
}

// The log tells nobody how to get in, nor who was invited.
func TestTheSecretOfAnInvitationIsNotInTheLog(t *testing.T) {
	t.Parallel()
	o := village(t, stores["memory"](t))
	o.Sealer = hides{}
	made, err := o.Invite(t.Context(), session(ada), people.NewInvitation{At: inLab, Roles: []domain.RoleRef{domain.Viewer}, Invited: "grace@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	_, secret, _ := strings.Cut(made.Token, ".")
	events := o.events("workspace-lab")
	last := events[len(events)-1]
	for _, held := range []string{string(last.Data), last.Meta.CommandID, last.Meta.RequestDigest.String()} {
		if strings.Contains(held, secret) || strings.Contains(held, "grace") {
			t.Errorf("the log has %s", held)
		}
	}
	if e := last.Event.(domain.MemberInvited); e.Invited == nil || e.Invited.Subject != "invitation:"+made.ID.String() {
		t.Errorf("it is %+v: want a name sealed for the invitation", e)
	}
}

type hides struct{}

func (hides) Seal(subject, _ string) (domain.Personal, error) {
	return domain.Personal{Subject: subject, Sealed: []byte("sealed")}, nil
}

func TestWhatOpensNoInvitation(t *testing.T) {
	t.Parallel()
	o := village(t, stores["memory"](t))
	made, other := o.invite(inLab, domain.Member), o.invite(inAcme, domain.Member)
	id, secret, _ := strings.Cut(made.Token, ".")
	_, otherSecret, _ := strings.Cut(other.Token, ".")
	flipped := []byte(secret)
	flipped[3] ^= 1
	want := o.accept(eve, "")
	refused(t, want, domain.NotFound, "invitation")
	before := o.log()
	for name, token := range map[string]string{
		"no secret": id, "a dot": id + ".", "no id": "." + secret, "another id": uuid.NewString() + "." + secret, "another secret": id + "." + otherSecret,
		"a changed secret": id + "." + string(flipped), "a cut secret": id + "." + secret[:len(secret)-4], "more": made.Token + "A", "padding": made.Token + "=",
		"another case": strings.ToUpper(id) + "." + secret, "two": made.Token + "." + secret, "the place alone": id + ".d2xhYg", "long": strings.Repeat("a", 1<<16),
		"a missing workspace": id + "." + secret[:43] + "3bm9wZQ",
	} {
		if err := o.accept(eve, token); err == nil || err.Error() != want.Error() {
			t.Errorf("%s: %v; want %v", name, err, want)
		}
		if _, err := o.Offer(t.Context(), session(eve), token); err == nil || err.Error() != want.Error() {
			t.Errorf("what %s offers: %v; want %v", name, err, want)
		}
	}
	if o.log() != before {
		t.Error("something was changed")
	}
}

func TestInvitationsEnd(t *testing.T) {
	t.Parallel()
	o := village(t, stores["memory"](t))
	made, err := o.Invite(t.Context(), session(ada), people.NewInvitation{At: inLab, Roles: []domain.RoleRef{domain.Viewer}, For: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	later := openOn(t, o.store)
	later.Now = func() time.Time { return noon.Add(time.Hour) }
	refused(t, later.accept(eve, made.Token), domain.Gone, "invitation")
	taken := o.invite(inLab, domain.Viewer)
	for range 2 {
		if _, err := o.RevokeInvitation(t.Context(), session(ada), people.InvitationChange{At: inLab, Invitation: taken.ID}); err != nil {
			t.Errorf("take it back: %v", err)
		}
	}
	refused(t, o.accept(eve, taken.Token), domain.Gone, "invitation")
	if err := o.accept(eve, made.Token); err != nil {
		t.Errorf("a moment before its end: %v", err)
	}
}

func TestWhoMayAcceptAnInvitation(t *testing.T) {
	t.Parallel()
	o := village(t, stores["memory"](t))
	token := o.invite(inLab, domain.Viewer).Token
	service, bound, reader := session(eve), session(eve), session(eve)
	service.Holder, bound.Workspace, reader.Scopes = domain.ServiceGrantee, "lab", []access.Scope{access.Read}
	for name, p := range map[string]access.Principal{"a service account": service, "a key of one workspace": bound, "a key that only reads": reader} {
		_, _, err := o.AcceptInvitation(t.Context(), p, people.Ask{}, token)
		if !errors.Is(err, domain.Forbidden) {
			t.Errorf("%s: %v; want that it is refused", name, err)
		}
	}
}

// An invitation that is asked for twice is one, and its link is shown once.
func TestAnInvitationThatIsAskedForAgain(t *testing.T) {
	t.Parallel()
	o := village(t, stores["memory"](t))
	ask := people.NewInvitation{Ask: people.Ask{Key: "k"}, At: inLab, Roles: []domain.RoleRef{domain.Viewer}}
	made, err := o.Invite(t.Context(), session(ada), ask)
	if err != nil {
		t.Fatal(err)
	}
	again, err := o.Invite(t.Context(), session(ada), ask)
	if err != nil || again.ID != made.ID || !again.Duplicate || again.Link != "" || again.Token != "" || !again.ExpiresAt.Equal(made.ExpiresAt) {
		t.Errorf("asked for again it is %+v, %v", again, err)
	}
	if err := o.accept(eve, made.Token); err != nil {
		t.Errorf("the first link: %v", err)
	}
}
