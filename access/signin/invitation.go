package signin

import (
	"context"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/account"
	"github.com/annals-io/annals/access/oidc"
	"github.com/annals-io/annals/access/session"
)

// The ways to accept an invitation, as the page's buttons say them.
const (
	asNewcomer = "new"    // make an account
	asMember   = "member" // sign in first
	asOther    = "oidc"   // by another party
)

var errNoInvitations = &access.Refusal{Status: http.StatusNotFound, Code: "not_found", Message: "there are no invitations here"}

// invited is what the page of an invitation shows.
type invited struct {
	Offer  *Offer
	Person string // who is signed in; empty: nobody
}

// invitationPage asks for the secret of an invitation, which the page's script takes from the address.
func (h *Handler) invitationPage(w http.ResponseWriter, r *http.Request) {
	h.page(w, r, http.StatusOK, "invitation.html", view{Title: "An invitation", Data: invited{}})
}

// accept shows what an invitation offers, and when it was said how, accepts it.
func (h *Handler) accept(w http.ResponseWriter, r *http.Request) {
	in, err := h.read(w, r)
	v := view{Title: "An invitation", Token: secretOf(in.get("token")), Values: map[string]string{"login": in.get("login"), "name": in.get("name"), "slug": in.get("slug")}, Data: invited{}}
	if err == nil {
		err = h.limits.local(h.From(r), byAddress)
	}
	if err == nil && h.Invitations == nil {
		err = errNoInvitations
	}
	var offer Offer
	if err == nil {
		offer, err = h.Invitations.Offer(r.Context(), v.Token)
	}
	if err != nil {
		v.Token = ""
		announce(w, err)
		h.no(w, r, in, "invitation.html", v, err)
		return
	}
	p, _, signedIn, err := h.Gate.Session(r)
	shown := invited{Offer: &offer}
	if signedIn {
		shown.Person = p.Name
	}
	v.Data = shown
	if err == nil && in.get("how") == "" && !in.json {
		h.page(w, r, http.StatusOK, "invitation.html", v)
		return
	}
	who := p.Account
	if err == nil && !signedIn {
		if in.get("how") == asOther {
			h.leave(w, r, oidc.Attempt{Next: offer.Path, Invitation: v.Token})
			return
		}
		who, err = h.admit(w, r, in, v.Token)
	} else if err == nil {
		_, err = h.Invitations.Accept(r.Context(), who, v.Token)
	}
	if err != nil {
		announce(w, err)
		h.no(w, r, in, "invitation.html", v, err)
		return
	}
	on(w, r, in, local(offer.Path), map[string]any{"account": who, "place": offer.Place, "roles": offer.Roles, "next": local(offer.Path)})
}

// admit signs a stranger in, or up, and accepts the invitation for them.
func (h *Handler) admit(w http.ResponseWriter, r *http.Request, in input, token string) (uuid.UUID, error) {
	ctx := r.Context()
	var a account.Account
	var err error
	switch in.get("how") {
	case asMember:
		if a, err = h.check(ctx, in.get("login"), in.get("password")); err == nil {
			_, err = h.Invitations.Accept(ctx, a.ID, token)
		}
	case asNewcomer:
		a, err = h.register(ctx, in, func(ctx context.Context, id uuid.UUID) error {
			_, err := h.Invitations.Accept(ctx, id, token)
			return err
		})
	default:
		err = session.ErrEnded
	}
	if err != nil {
		return uuid.Nil, err
	}
	_, err = h.begin(w, r, a, session.ByPassword, "")
	return a.ID, err
}

// secretOf is the secret of a link that was pasted whole, or by itself.
func secretOf(pasted string) string {
	pasted = strings.TrimSpace(pasted)
	if _, after, ok := strings.Cut(pasted, "#"); ok {
		return after
	}
	return pasted
}
