package signin

import (
	"context"
	"net/http"
	"net/url"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/account"
	"github.com/annals-io/annals/access/oidc"
	"github.com/annals-io/annals/access/session"
)

// stateCookie ends the name of the cookie in which a browser keeps the state of its attempt.
const stateCookie = "-oidc"

// errNoOIDC says that no other party signs people in.
var errNoOIDC = &access.Refusal{Status: http.StatusNotFound, Code: "not_found", Message: "no other party signs people in here"}

func escape(s string) string { return url.QueryEscape(s) }

// startOIDC sends a browser to the other party.
func (h *Handler) startOIDC(w http.ResponseWriter, r *http.Request) {
	h.leave(w, r, oidc.Attempt{Next: local(r.URL.Query().Get("next"))})
}

// linkOIDC does so to link whoever comes back with the account that is signed in.
func (h *Handler) linkOIDC(w http.ResponseWriter, r *http.Request) {
	in, err := h.read(w, r)
	if err != nil {
		h.no(w, r, in, "login.html", view{Title: "Your account"}, err)
		return
	}
	p, _, ok := h.signedIn(w, r, in, "/login")
	if !ok {
		return
	}
	if subject := in.get("unlink"); subject != "" {
		if err := h.unlink(r.Context(), p.Account, in.get("issuer"), subject); err != nil {
			h.no(w, r, in, "login.html", view{Title: "Your account"}, err)
			return
		}
		h.Sessions.Forget()
		on(w, r, in, "/login", map[string]any{"account": p.Account})
		return
	}
	h.leave(w, r, oidc.Attempt{Next: "/login", Account: p.Account})
}

// errLastIdentity keeps people from locking themselves out.
var errLastIdentity = &access.Refusal{Status: http.StatusConflict, Code: "last_identity", Message: "this is the only way in that you have: link another identity first"}

// unlink takes an identity away, and the sessions that it opened.
func (h *Handler) unlink(ctx context.Context, of uuid.UUID, issuer, subject string) error {
	all, err := h.Accounts.Identities(ctx, of)
	if err != nil {
		return err
	}
	if len(all) == 1 && h.OIDC != nil {
		return errLastIdentity
	}
	return h.Accounts.Unlink(ctx, of, issuer, subject)
}

func (h *Handler) leave(w http.ResponseWriter, r *http.Request, a oidc.Attempt) {
	if h.OIDC == nil {
		h.no(w, r, input{}, "login.html", view{Title: "Sign in"}, errNoOIDC)
		return
	}
	err := h.limits.local(h.From(r), byAddress)
	var to, state string
	if err == nil {
		to, state, err = h.OIDC.Start(r.Context(), a)
	}
	if err != nil {
		announce(w, err)
		h.no(w, r, input{}, "login.html", view{Title: "Sign in", Next: a.Next}, err)
		return
	}
	h.Gate.Cookie(w, r, stateCookie, state, int(oidc.Patience.Seconds()))
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// finishOIDC takes a browser back, and signs its user in, or up.
func (h *Handler) finishOIDC(w http.ResponseWriter, r *http.Request) {
	v := view{Title: "Sign in"}
	if h.OIDC == nil {
		h.no(w, r, input{}, "login.html", v, errNoOIDC)
		return
	}
	kept := h.Gate.Kept(r, stateCookie)
	h.Gate.Cookie(w, r, stateCookie, "", 0)
	who, attempt, err := h.OIDC.Finish(r.Context(), r.URL.Query(), kept)
	v.Next = local(attempt.Next)
	if err != nil {
		h.no(w, r, input{}, "login.html", v, err)
		return
	}
	to, err := h.welcome(w, r, who, attempt)
	if err != nil {
		h.no(w, r, input{}, "login.html", v, err)
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// welcome does what an attempt was for, with whoever came back, and answers where to go on.
func (h *Handler) welcome(w http.ResponseWriter, r *http.Request, who oidc.Person, attempt oidc.Attempt) (to string, err error) {
	ctx := r.Context()
	if attempt.Account != uuid.Nil {
		p, _, ok, err := h.Gate.Session(r)
		if err != nil {
			return "", err
		}
		if !ok || p.Account != attempt.Account { // the browser has changed hands meanwhile
			return "", session.ErrEnded
		}
		return local(attempt.Next), h.Accounts.Link(ctx, attempt.Account, who.Issuer, who.Subject)
	}
	a, known, err := h.Accounts.ByIdentity(ctx, who.Issuer, who.Subject)
	if err != nil {
		return "", err
	}
	if known && !a.Active() {
		return "", errDisabled
	}
	if !known {
		name := who.Name
		if name == "" {
			name = "Somebody of " + h.OIDC.Label()
		}
		if a, err = h.Accounts.Register(ctx, account.Wish{Name: clip(name), Email: who.Email, Issuer: who.Issuer, Subject: who.Subject}, nil); err != nil {
			return "", err
		}
	}
	if _, err := h.begin(w, r, a, session.ByOIDC, who.Issuer); err != nil {
		return "", err
	}
	if attempt.Invitation == "" || h.Invitations == nil {
		return local(attempt.Next), nil
	}
	offer, err := h.Invitations.Accept(ctx, a.ID, attempt.Invitation)
	return local(offer.Path), err
}

// errDisabled is told to those whom the other party vouches for: that they exist is no news to them.
var errDisabled = &access.Refusal{Status: http.StatusForbidden, Code: "account_disabled", Message: "your account is disabled: ask those who operate the server"}
