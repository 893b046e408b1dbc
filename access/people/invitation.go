package people

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// A NewInvitation offers roles in a place to whoever comes with its link.
type NewInvitation struct {
	Ask
	At    Place
	Roles []domain.RoleRef
	// For is how long it is good; zero: 7 days.
	For time.Duration
	// Invited names who is invited, for the list of invitations; it is sealed. Empty: nobody in particular.
	Invited string
}

// defaultInvitation is how long an invitation is good where nothing is said.
const defaultInvitation = 7 * 24 * time.Hour

// maxInvited is the longest name of somebody invited, in bytes.
const maxInvited = 320

// An Invitation is one that was made. Its link is shown this once: the log has only a digest of the secret in it. It is
// empty where the request was sent before, whose answer had it.
type Invitation struct {
	ID        uuid.UUID
	Link      string // a path of the server, with the secret behind the #, which browsers do not send
	Token     string // what stands behind the #
	ExpiresAt time.Time
	eventstore.Result
}

// InvitationPath is the page that links lead to.
const InvitationPath = "/invitations/accept"

// Invite makes an invitation.
func (d *Desk) Invite(ctx context.Context, p access.Principal, q NewInvitation) (Invitation, error) {
	if len(q.Invited) > maxInvited {
		return Invitation{}, &domain.Error{Code: domain.TooLong, Subject: "invited", Message: fmt.Sprintf("invited has %d bytes; at most %d", len(q.Invited), maxInvited)}
	}
	in, err := d.enter(ctx, p, q.At)
	if err != nil {
		return Invitation{}, err
	}
	r, err := d.request(p, q.Ask, q.At.stream(), "inviteMember", []any{q.Roles, q.For, q.Invited})
	if err != nil {
		return Invitation{}, err
	}
	now := d.now().UTC().Truncate(time.Second)
	made := Invitation{ID: made(r), ExpiresAt: now.Add(defaultInvitation)}
	if q.For != 0 {
		made.ExpiresAt = now.Add(q.For)
	}
	if made.Token, err = mint(made.ID, q.At); err != nil {
		return Invitation{}, err
	}
	c := domain.InviteMember{At: in.domain(), Invitation: made.ID, Roles: q.Roles, Now: now, ExpiresAt: made.ExpiresAt, Secret: digest(made.Token), By: in.by}
	manages := in.by.Holds.Has(manage(q.At)) // else it is refused, and says nothing of what there is
	if manages {
		if c.Permits, err = d.permits(ctx, in, true, q.Roles...); err != nil {
			return Invitation{}, err
		}
	}
	if q.Invited != "" && manages {
		sealed, err := d.Sealer.Seal("invitation:"+made.ID.String(), q.Invited)
		if err != nil {
			return Invitation{}, fmt.Errorf("seal who is invited: %w", err)
		}
		c.Invited = &sealed
	}
	made.Link = InvitationPath + "#" + made.Token
	if made.Result, err = d.do(ctx, r, c); err != nil {
		return Invitation{}, err
	}
	if !made.Duplicate {
		return made, nil
	}
	made.Link, made.Token = "", ""
	states, err := d.Lens.See(ctx, eventstore.Sight{Stream: q.At.stream(), Entity: domain.InvitationEntity(made.ID)})
	if err == nil && states[0].Invitation != nil {
		made.ExpiresAt = states[0].Invitation.ExpiresAt
	}
	return made, err
}

// An InvitationChange is about an invitation of a place.
type InvitationChange struct {
	Ask
	At         Place
	Invitation uuid.UUID
}

// RevokeInvitation takes an invitation back before it is used.
func (d *Desk) RevokeInvitation(ctx context.Context, p access.Principal, q InvitationChange) (eventstore.Result, error) {
	about := anEntity(domain.InvitationEntity(q.Invitation), func(s *domain.State) any { return s.Invitation != nil && s.Invitation.Revoked })
	return d.carry(ctx, p, q.Ask, q.At, about, "revokeInvitation", q.Invitation, func(in door, _ *eventstore.Request) (domain.Command, error) {
		return domain.RevokeInvitation{At: in.domain(), Invitation: q.Invitation, By: in.by}, nil
	})
}

// An Offer is what an invitation offers to whoever holds its link.
type Offer struct {
	ID        uuid.UUID
	At        Place
	Name      string // of the place, for people
	Roles     []domain.RoleRef
	ExpiresAt time.Time
}

// Offer says what an invitation offers, to a person who holds its link; it may be used up or over.
func (d *Desk) Offer(ctx context.Context, p access.Principal, token string) (Offer, error) {
	if _, err := invitee(p); err != nil {
		return Offer{}, err
	}
	return d.offer(ctx, token)
}

// AcceptInvitation uses an invitation up and grants the asker, a person, what it offers. Accepted again by the same person
// it is a duplicate.
func (d *Desk) AcceptInvitation(ctx context.Context, p access.Principal, a Ask, token string) (Offer, eventstore.Result, error) {
	account, err := invitee(p)
	if err != nil {
		return Offer{}, eventstore.Result{}, err
	}
	if err := a.check(); err != nil {
		return Offer{}, eventstore.Result{}, err
	}
	o, err := d.offer(ctx, token)
	if err != nil {
		return Offer{}, eventstore.Result{}, err
	}
	command := "accept:" + o.ID.String() + ":" + account.String()
	result, err := d.do(ctx, eventstore.Request{
		Stream: o.At.stream(), CommandID: command, Digest: sha256.Sum256([]byte(command)),
		Meta: domain.Meta{Actor: p.Actor(), Reason: a.Reason, CorrelationID: a.Correlation},
	}, domain.AcceptInvitation{At: o.At.domain(), Invitation: o.ID, Secret: digest(token), Account: account, Now: d.now()})
	return o, result, err
}

// invitee is the person who comes with an invitation.
func invitee(p access.Principal) (uuid.UUID, error) {
	account, err := person(p)
	if err == nil && (p.Workspace != "" || p.Run != nil || !p.Has(access.Write)) {
		err = &domain.Error{Code: domain.Forbidden, Message: "accepting an invitation takes a session, or a key with the scope write that is bound to no workspace"}
	}
	return account, err
}

// noInvitation is said of everything that does not open an invitation, whether there is none or its secret is another.
var noInvitation = &domain.Error{Code: domain.NotFound, Subject: "invitation", Message: "there is no such invitation: ask for another link"}

// offer finds the invitation that a token opens.
func (d *Desk) offer(ctx context.Context, token string) (Offer, error) {
	id, at, err := parse(token)
	if err != nil {
		return Offer{}, noInvitation
	}
	states, err := d.Lens.See(ctx, eventstore.Sight{Stream: at.stream(), Entity: domain.InvitationEntity(id)}, eventstore.Sight{Stream: at.stream(), Entity: at.entity()})
	if err != nil {
		return Offer{}, fmt.Errorf("look for an invitation: %w", err)
	}
	have, want := digest(token), domain.Digest{}
	if states[0].Invitation != nil {
		want = states[0].Invitation.Secret
	}
	if subtle.ConstantTimeCompare(have[:], want[:]) != 1 {
		return Offer{}, noInvitation
	}
	return Offer{ID: id, At: at, Name: states[1].Name, Roles: slices.Clone(states[0].Invitation.Roles), ExpiresAt: states[0].Invitation.ExpiresAt}, nil
}

// A token is ID.SECRET. The secret is 32 random bytes and then the place, so that the link alone says where it leads and
// nobody has to look it up; whoever changes that changes the secret.
const secretSize = 32

func mint(id uuid.UUID, at Place) (string, error) {
	secret := make([]byte, secretSize, secretSize+1+domain.MaxSlug)
	if _, err := rand.Read(secret); err != nil {
		return "", fmt.Errorf("draw the secret of an invitation: %w", err)
	}
	secret = append(append(secret, at.level()[0]), at.Organization+at.Workspace...)
	return id.String() + "." + base64.RawURLEncoding.EncodeToString(secret), nil
}

var errToken = errors.New("this is no invitation")

// parse reads what mint wrote.
func parse(token string) (uuid.UUID, Place, error) {
	first, second, _ := strings.Cut(token, ".")
	id, err := uuid.Parse(first)
	if err != nil || id.String() != first {
		return id, Place{}, errToken
	}
	secret, err := base64.RawURLEncoding.Strict().DecodeString(second)
	if err != nil || len(secret) < secretSize+2 {
		return id, Place{}, errToken
	}
	at := Place{Workspace: domain.Slug(secret[secretSize+1:])}
	if secret[secretSize] == domain.OrganizationLevel[0] {
		at = Place{Organization: at.Workspace}
	}
	return id, at, at.check()
}

// TokenOf is the token in what a person pastes: the token itself, or the link that it stands in.
func TokenOf(pasted string) string {
	pasted = strings.TrimSpace(pasted)
	if _, token, ok := strings.Cut(pasted, "#"); ok {
		return token
	}
	return pasted
}

// digest is what the log keeps of a token.
func digest(token string) domain.Digest {
	return sha256.Sum256([]byte("annals invitation\x00" + token))
}
