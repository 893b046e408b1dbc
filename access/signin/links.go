package signin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/account"
	"github.com/annals-io/annals/access/session"
	"github.com/annals-io/annals/domain"
)

// LinkLife is how long a link can be used.
const LinkLife = 24 * time.Hour

// linkPrefix lets scanners for secrets know a link's.
const linkPrefix = "annals_link_"

// errLink is told of every link that is good no more, and of what never was one.
var errLink = &access.Refusal{Status: http.StatusGone, Code: "link_over", Message: "this link was used, is older than a day or was not copied whole: have another one made by `annals login-link`"}

// A Link lets whoever has it in, once.
type Link struct {
	URL       string     `json:"url"`
	Account   *uuid.UUID `json:"account"` // null: whoever comes makes one
	ExpiresAt time.Time  `json:"expiresAt"`
}

const insertLinkSQL = `INSERT INTO log.sign_in_links (hash, account, created_at, created_by, expires_at) VALUES ($1, $2, $3, $4, $5)`

// Link makes a link for an account, or (uuid.Nil) for somebody who has none yet. The secret is in the fragment, which
// browsers keep to themselves: no server's log and no referrer ever holds it.
func (h *Handler) Link(ctx context.Context, of uuid.UUID, by domain.Actor) (Link, error) {
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // it never fails
	token := linkPrefix + base64.RawURLEncoding.EncodeToString(secret[:])
	hash, now := sha256.Sum256([]byte(token)), h.now()
	link := Link{URL: h.Base + "/login/link#" + token, ExpiresAt: now.Add(LinkLife)}
	if of != uuid.Nil {
		link.Account = &of
	}
	if _, err := h.DB.Exec(ctx, insertLinkSQL, hash[:], link.Account, now, by.Kind+":"+by.ID, link.ExpiresAt); err != nil {
		return Link{}, fmt.Errorf("make a link to sign in: %w", err)
	}
	return link, nil
}

const redeemLinkSQL = `DELETE FROM log.sign_in_links WHERE hash = $1 AND expires_at > $2 RETURNING account`

const lookLinkSQL = `SELECT account FROM log.sign_in_links WHERE hash = $1 AND expires_at > $2`

// redeemLink uses a link up: of many who try at once, one has it. The id is none where the link makes an account.
func (h *Handler) redeemLink(ctx context.Context, token string) (uuid.UUID, error) {
	return h.linkBy(ctx, redeemLinkSQL, token)
}

// lookAtLink says whose a link is and leaves it as it is.
func (h *Handler) lookAtLink(ctx context.Context, token string) (uuid.UUID, error) {
	return h.linkBy(ctx, lookLinkSQL, token)
}

func (h *Handler) linkBy(ctx context.Context, sql, token string) (uuid.UUID, error) {
	token = strings.TrimSpace(token)
	if _, after, ok := strings.Cut(token, "#"); ok { // the whole link was pasted
		token = after
	}
	hash := sha256.Sum256([]byte(token))
	rows, _ := h.DB.Query(ctx, sql, hash[:], h.now())
	of, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[*uuid.UUID])
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return uuid.Nil, errLink
	case err != nil:
		return uuid.Nil, fmt.Errorf("look up a link: %w", err)
	case of == nil:
		return uuid.Nil, nil
	}
	return *of, nil
}

const sweepLinksSQL = `DELETE FROM log.sign_in_links WHERE expires_at < $1`

func (h *Handler) sweepLinks(ctx context.Context) error {
	if _, err := h.DB.Exec(ctx, sweepLinksSQL, h.now()); err != nil {
		return fmt.Errorf("sweep links: %w", err)
	}
	return nil
}

// linkPage asks for the secret of a link, which the page's script takes from the address.
func (h *Handler) linkPage(w http.ResponseWriter, r *http.Request) {
	h.page(w, r, http.StatusOK, "link.html", view{Title: "Sign in by a link", Next: local(r.URL.Query().Get("next"))})
}

// redeem signs in whoever brings a link. One that makes an account asks for what it takes first, and is used up with it.
func (h *Handler) redeem(w http.ResponseWriter, r *http.Request) {
	in, err := h.read(w, r)
	v := view{Title: "Sign in by a link", Next: local(in.get("next")), Token: in.get("token"), Values: in.values}
	if err == nil {
		err = h.limits.local(h.From(r), byAddress)
	}
	if err != nil {
		announce(w, err)
		h.no(w, r, in, "link.html", v, err)
		return
	}
	of, err := h.lookAtLink(r.Context(), v.Token)
	if err != nil {
		v.Token = ""
		h.no(w, r, in, "link.html", v, err)
		return
	}
	if of == uuid.Nil {
		h.join(w, r, in, v)
		return
	}
	if of, err = h.redeemLink(r.Context(), v.Token); err == nil {
		err = h.enter(w, r, of)
	}
	if err != nil {
		v.Token = ""
		h.no(w, r, in, "link.html", v, err)
		return
	}
	to := v.Next
	if a, ok, err := h.Accounts.Find(r.Context(), of); err == nil && ok && a.Password == nil && h.OIDC == nil {
		to = "/login/password"
	}
	on(w, r, in, to, map[string]any{"account": of, "next": to})
}

// enter signs in the holder of a link.
func (h *Handler) enter(w http.ResponseWriter, r *http.Request, of uuid.UUID) error {
	a, ok, err := h.Accounts.Find(r.Context(), of)
	if err != nil {
		return err
	}
	if !ok || !a.Active() {
		return errLink
	}
	_, err = h.begin(w, r, a, session.ByLink, "")
	return err
}

// join makes the account of somebody new, who has a link.
func (h *Handler) join(w http.ResponseWriter, r *http.Request, in input, v view) {
	v.Title = "Make your account"
	if in.get("login") == "" && in.get("name") == "" && in.get("password") == "" && !in.json {
		h.page(w, r, http.StatusOK, "join.html", v)
		return
	}
	a, err := h.register(r.Context(), in, func(ctx context.Context, _ uuid.UUID) error {
		_, err := h.redeemLink(ctx, v.Token)
		return err
	})
	if err == nil {
		_, err = h.begin(w, r, a, session.ByLink, "")
	}
	if err != nil {
		delete(v.Values, "password")
		h.no(w, r, in, "join.html", v, err)
		return
	}
	on(w, r, in, v.Next, map[string]any{"account": a.ID, "next": v.Next})
}

// errNoPasswords says that another party signs people in.
var errNoPasswords = &access.Refusal{Status: http.StatusConflict, Code: "passwords_off", Message: "people sign in by another party here, and not by passwords"}

// register makes an account with a name and a password.
func (h *Handler) register(ctx context.Context, in input, use func(context.Context, uuid.UUID) error) (account.Account, error) {
	if h.OIDC != nil {
		return account.Account{}, errNoPasswords
	}
	login, err := account.Login(in.get("login"))
	if err != nil {
		return account.Account{}, err
	}
	hash, err := h.hashOf(ctx, login, in.get("password"))
	if err != nil {
		return account.Account{}, err
	}
	name := in.get("name")
	if name == "" {
		name = login
	}
	return h.Accounts.Register(ctx, account.Wish{Login: login, Password: hash, Name: name, Slug: in.get("slug")}, use)
}

// linkWish is the body of POST /v1/login-links.
type linkWish struct {
	// Account is whose link it is, by id or login name; empty: that of whoever asks.
	Account string `json:"account,omitempty" doc:"Whose link it is, by id or login name; empty: that of whoever asks."`
	// New makes a link for somebody who has no account yet.
	New bool `json:"new,omitempty" doc:"A link for somebody who has no account yet."`
}

// makeLink makes a link: for oneself, or, by an operator, for anybody.
func (h *Handler) makeLink(w http.ResponseWriter, r *http.Request) {
	p, _ := access.From(r.Context())
	var wish linkWish
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	d.DisallowUnknownFields()
	if err := d.Decode(&wish); err != nil || wish.New && wish.Account != "" {
		access.Refuse(w, &access.Refusal{Status: http.StatusBadRequest, Code: "invalid", Message: `the body is {"account": ID or login name}, {"new": true} or {}`})
		return
	}
	link, err := h.linkFor(r.Context(), p, wish)
	if err != nil {
		access.Refuse(w, h.refusalOf(r, err))
		return
	}
	h.Log.InfoContext(r.Context(), "link to sign in made", "account", link.Account, "by", p.Actor())
	answerJSON(w, http.StatusCreated, link)
}

func (h *Handler) linkFor(ctx context.Context, p access.Principal, wish linkWish) (Link, error) {
	if err := whole(p); err != nil {
		return Link{}, err
	}
	of := p.Account
	switch {
	case wish.New:
		of = uuid.Nil
	case wish.Account != "":
		id, err := uuid.Parse(wish.Account)
		if err != nil {
			id, err = h.idOf(ctx, wish.Account)
		}
		if err != nil {
			return Link{}, err
		}
		of = id
	}
	if of != p.Account {
		if err := h.operates(ctx, p); err != nil {
			return Link{}, err
		}
	}
	if of != uuid.Nil {
		a, ok, err := h.Accounts.Find(ctx, of)
		if err != nil {
			return Link{}, err
		}
		if !ok || !a.Active() {
			return Link{}, errNobody
		}
	}
	return h.Link(ctx, of, p.Actor())
}

// errNobody says that there is no account to sign in to.
var errNobody = &access.Refusal{Status: http.StatusNotFound, Code: "not_found", Message: "there is no such account, or it is disabled"}

// idOf finds an account by its login name.
func (h *Handler) idOf(ctx context.Context, typed string) (uuid.UUID, error) {
	login, err := account.Login(typed)
	if err != nil {
		return uuid.Nil, errNobody
	}
	a, ok, err := h.Accounts.ByLogin(ctx, login)
	if err == nil && !ok {
		err = errNobody
	}
	return a.ID, err
}

// whole refuses credentials that are not good for all of a person: keys of one workspace or run, service accounts.
func whole(p access.Principal) error {
	if p.Workspace != "" || p.Run != nil || p.Holder == domain.ServiceGrantee {
		return &access.Refusal{Status: http.StatusForbidden, Code: "scope_missing", Message: "this key does not stand for a whole person: sign in, or use a key of your own that is bound to no workspace"}
	}
	return nil
}

// operates refuses whoever does not operate the server.
func (h *Handler) operates(ctx context.Context, p access.Principal) error {
	ok, err := h.Operator(ctx, p)
	if err == nil && !ok {
		err = &access.Refusal{Status: http.StatusForbidden, Code: "permission_missing", Message: "this is for those who operate the server"}
	}
	return err
}
