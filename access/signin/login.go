package signin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/account"
	"github.com/annals-io/annals/access/password"
	"github.com/annals-io/annals/access/session"
	"github.com/annals-io/annals/domain"
)

// errWrong is told whatever was wrong: the name, the password, or that the account is disabled.
var errWrong = &access.Refusal{Status: http.StatusUnauthorized, Code: "sign_in_failed", Message: "the name or the password is wrong"}

// self is what a person's own page shows.
type self struct {
	Account    account.Account
	Current    string // session
	Sessions   []session.Session
	Identities []account.Identity
	Passwords  bool
}

// loginPage asks a stranger to sign in, and shows the signed-in what concerns them.
func (h *Handler) loginPage(w http.ResponseWriter, r *http.Request) {
	v := view{Title: "Sign in", Next: local(r.URL.Query().Get("next"))}
	p, s, ok, err := h.Gate.Session(r)
	if err != nil {
		h.no(w, r, input{}, "login.html", v, err)
		return
	}
	if !ok {
		h.page(w, r, http.StatusOK, "login.html", v)
		return
	}
	who := self{Current: s.ID, Passwords: h.OIDC == nil}
	who.Account, _, err = h.Accounts.Find(r.Context(), p.Account)
	if err == nil {
		who.Sessions, err = h.Sessions.List(r.Context(), p.Account)
	}
	if err == nil {
		who.Identities, err = h.Accounts.Identities(r.Context(), p.Account)
	}
	if err != nil {
		h.no(w, r, input{}, "login.html", v, err)
		return
	}
	v.Title, v.Data = "Your account", who
	h.page(w, r, http.StatusOK, "account.html", v)
}

// login signs in by name and password.
func (h *Handler) login(w http.ResponseWriter, r *http.Request) {
	in, err := h.read(w, r)
	v := view{Title: "Sign in", Next: local(in.get("next")), Values: map[string]string{"login": in.get("login")}}
	if err == nil {
		err = h.limits.local(h.From(r), byAddress)
	}
	var a account.Account
	if err == nil {
		a, err = h.check(r.Context(), in.get("login"), in.get("password"))
	}
	if err == nil {
		_, err = h.begin(w, r, a, session.ByPassword, "")
	}
	if err != nil {
		announce(w, err)
		h.no(w, r, in, "login.html", v, err)
		return
	}
	on(w, r, in, v.Next, map[string]any{"account": a.ID, "name": a.Name, "next": v.Next})
}

// check is the account of that name, where the password is its own. Whatever is wrong, it says and takes the same.
func (h *Handler) check(ctx context.Context, typed, secret string) (account.Account, error) {
	if h.OIDC != nil {
		return account.Account{}, errNoPasswords
	}
	login, err := account.Login(typed)
	if err != nil {
		sum := sha256.Sum256([]byte(typed))
		login = " " + hex.EncodeToString(sum[:]) // no name at all, counted and answered like one that nobody has
	}
	if err := h.limits.shared(ctx, "password", login, byName); err != nil {
		return account.Account{}, err
	}
	a, ok, err := h.Accounts.ByLogin(ctx, login)
	if err != nil {
		return account.Account{}, err
	}
	if !ok || a.Password == nil || !a.Active() {
		if err := h.hasher.Waste(ctx, secret); err != nil {
			return account.Account{}, err
		}
		return account.Account{}, errWrong
	}
	right, weak, err := h.hasher.Check(ctx, secret, *a.Password)
	if err != nil {
		return account.Account{}, err
	}
	if !right {
		return account.Account{}, errWrong
	}
	if weak {
		if hash, err := h.hasher.Hash(ctx, secret); err == nil {
			_ = h.Accounts.Strengthen(ctx, a.ID, *a.Password, hash) // else at the next sign-in
		}
	}
	return a, h.limits.again(ctx, "password", login)
}

func clip(s string) string {
	if len(s) > 300 {
		return s[:300]
	}
	return s
}

// hashOf is what to store for a new password of somebody with that login name.
func (h *Handler) hashOf(ctx context.Context, login, typed string) (string, error) {
	normal, err := password.Normal(typed)
	if err != nil {
		return "", err
	}
	if strings.EqualFold(normal, login) {
		return "", &domain.Error{Code: domain.Invalid, Subject: "password", Message: "the password is the name to sign in with: choose another one"}
	}
	return h.hasher.Hash(ctx, normal)
}

// logout ends the session. It does nothing for who is not signed in.
func (h *Handler) logout(w http.ResponseWriter, r *http.Request) {
	in, err := h.read(w, r)
	if err != nil {
		h.no(w, r, in, "login.html", view{Title: "Sign out"}, err)
		return
	}
	p, _, ok, err := h.Gate.Session(r)
	if err == nil && ok {
		_, err = h.Sessions.End(r.Context(), p.Account, p.SessionID)
	}
	if err != nil {
		h.no(w, r, in, "login.html", view{Title: "Sign out"}, err)
		return
	}
	h.Gate.Cookie(w, r, "", "", 0)
	on(w, r, in, "/login", map[string]any{})
}

// signedIn is the session of whoever sent a request; without one, a person is asked to sign in first and comes back to
// the same page.
func (h *Handler) signedIn(w http.ResponseWriter, r *http.Request, in input, back string) (access.Principal, session.Session, bool) {
	p, s, ok, err := h.Gate.Session(r)
	switch {
	case err != nil:
		h.no(w, r, in, "login.html", view{Title: "Sign in", Next: back}, err)
		return p, s, false
	case !ok && in.json:
		access.Refuse(w, session.ErrEnded)
		return p, s, false
	case !ok:
		http.Redirect(w, r, "/login?next="+escape(back), http.StatusSeeOther)
		return p, s, false
	}
	return p, s, true
}

// freshLink is how long somebody who came by a link may set a password without knowing the old one.
const freshLink = 15 * time.Minute

// forgotten says whether a session was begun by a link a moment ago.
func (h *Handler) forgotten(s session.Session) bool {
	return s.Method == session.ByLink && h.now().Sub(s.CreatedAt) < freshLink
}

// secrets is what the page for a new password shows.
type secrets struct {
	Account account.Account
	Free    bool // the old password is not asked for
}

func (h *Handler) passwordPage(w http.ResponseWriter, r *http.Request) {
	p, s, ok := h.signedIn(w, r, input{}, "/login/password")
	if !ok {
		return
	}
	a, _, err := h.Accounts.Find(r.Context(), p.Account)
	if err == nil && h.OIDC != nil {
		err = errNoPasswords
	}
	if err != nil {
		h.no(w, r, input{}, "login.html", view{Title: "Your password"}, err)
		return
	}
	h.page(w, r, http.StatusOK, "password.html", view{Title: "Your password", Data: secrets{a, h.forgotten(s)}})
}

// changePassword sets a new password, ends every session and begins a new one here.
func (h *Handler) changePassword(w http.ResponseWriter, r *http.Request) {
	in, err := h.read(w, r)
	if err != nil {
		h.no(w, r, in, "login.html", view{Title: "Your password"}, err)
		return
	}
	p, s, ok := h.signedIn(w, r, in, "/login/password")
	if !ok {
		return
	}
	a, _, err := h.Accounts.Find(r.Context(), p.Account)
	free := h.forgotten(s)
	if err == nil {
		err = h.setPassword(r.Context(), a, free, in)
	}
	if err == nil {
		h.Sessions.Forget()
		_, err = h.begin(w, r, a, s.Method, s.Issuer)
	}
	if err != nil {
		announce(w, err)
		h.no(w, r, in, "password.html", view{Title: "Your password", Values: map[string]string{"login": in.get("login")}, Data: secrets{a, free}}, err)
		return
	}
	h.Log.InfoContext(r.Context(), "password changed", "account", a.ID)
	on(w, r, in, "/login", map[string]any{"account": a.ID})
}

func (h *Handler) setPassword(ctx context.Context, a account.Account, free bool, in input) error {
	if h.OIDC != nil {
		return errNoPasswords
	}
	login := ""
	switch {
	case a.Login != nil:
		login = *a.Login
	default:
		var err error
		if login, err = account.Login(in.get("login")); err != nil {
			return err
		}
	}
	if !free {
		if a.Password == nil {
			return &access.Refusal{Status: http.StatusForbidden, Code: "link_needed", Message: "a first password is set within a quarter of an hour after signing in by a link: have one made by `annals login-link`"}
		}
		if _, err := h.check(ctx, login, in.get("current")); err != nil {
			return err
		}
	}
	hash, err := h.hashOf(ctx, login, in.get("password"))
	if err != nil {
		return err
	}
	return h.Accounts.SetPassword(ctx, a.ID, hash, login)
}

// rename changes what whoever is signed in is called.
func (h *Handler) rename(w http.ResponseWriter, r *http.Request) {
	in, err := h.read(w, r)
	if err != nil {
		h.no(w, r, in, "login.html", view{Title: "Your account"}, err)
		return
	}
	p, _, ok := h.signedIn(w, r, in, "/login")
	if !ok {
		return
	}
	if err := h.Accounts.Rename(r.Context(), p.Account, in.get("name"), account.Self(p.Account)); err != nil {
		h.no(w, r, in, "login.html", view{Title: "Your account"}, err)
		return
	}
	h.Sessions.Forget()
	on(w, r, in, "/login", map[string]any{"account": p.Account, "name": in.get("name")})
}

// endSession ends one of the sessions of whoever is signed in, or all others.
func (h *Handler) endSession(w http.ResponseWriter, r *http.Request) {
	in, err := h.read(w, r)
	if err != nil {
		h.no(w, r, in, "login.html", view{Title: "Your account"}, err)
		return
	}
	p, s, ok := h.signedIn(w, r, in, "/login")
	if !ok {
		return
	}
	if id := in.get("id"); id != "" {
		_, err = h.Sessions.End(r.Context(), p.Account, id)
	} else {
		_, err = h.Sessions.EndOthers(r.Context(), p.Account, s.ID)
	}
	if err != nil {
		h.no(w, r, in, "login.html", view{Title: "Your account"}, err)
		return
	}
	on(w, r, in, "/login", map[string]any{})
}
