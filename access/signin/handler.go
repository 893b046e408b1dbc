package signin

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/account"
	"github.com/annals-io/annals/access/device"
	"github.com/annals-io/annals/access/oidc"
	"github.com/annals-io/annals/access/password"
	"github.com/annals-io/annals/access/session"
	"github.com/annals-io/annals/domain"
)

// Keys makes the key of a program that was signed in. *access.Keys does.
type Keys interface {
	Create(ctx context.Context, owner access.Principal, w access.Wish) (text string, r access.Record, err error)
}

// Offer is what an invitation offers, for people.
type Offer struct {
	Place string   // "workspace churn" or "organization acme"
	Roles []string // such as "member"
	Path  string   // where to go then
}

// Invitations are those that people come with.
type Invitations interface {
	// Offer says what an invitation offers and uses nothing up. Errors are a *domain.Error where it is good no more.
	Offer(ctx context.Context, token string) (Offer, error)
	// Accept uses it up for an account.
	Accept(ctx context.Context, account uuid.UUID, token string) (Offer, error)
}

// Config is what the door is made of. Invitations, OIDC, Now and Log may be missing; without OIDC, people sign in by
// passwords.
type Config struct {
	DB          account.DB
	Accounts    *account.Accounts
	Sessions    *session.Sessions
	Gate        *session.Gate
	Devices     *device.Grants
	Keys        Keys
	OIDC        *oidc.Client
	Invitations Invitations
	// Operator says whether somebody operates the server.
	Operator func(ctx context.Context, p access.Principal) (bool, error)
	// Base is where others reach the server: https://annals.example, without a slash at its end.
	Base string
	// From is the address that a request came from.
	From func(r *http.Request) string
	Now  func() time.Time
	Log  *slog.Logger
}

// A Handler answers for everything about signing in.
type Handler struct {
	Config
	hasher *password.Hasher
	limits *limits
	now    func() time.Time
}

// New is the door.
func New(cfg Config) *Handler {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.From == nil {
		cfg.From = func(r *http.Request) string { return r.RemoteAddr }
	}
	now := func() time.Time { return cfg.Now().UTC().Truncate(time.Microsecond) }
	return &Handler{Config: cfg, hasher: password.NewHasher(), limits: newLimits(cfg.DB, now), now: now}
}

// Register puts the pages and endpoints on the mux. Those that are public judge their requests themselves: by a session,
// a code or a password.
func (h *Handler) Register(m *access.Mux) {
	public := func(pattern string, f http.HandlerFunc) { m.Public(pattern, guarded(f)) }
	public("GET /login", h.loginPage)
	public("POST /login", h.login)
	public("POST /logout", h.logout)
	public("GET /login/link", h.linkPage)
	public("POST /login/link", h.redeem)
	public("GET /login/password", h.passwordPage)
	public("POST /login/password", h.changePassword)
	public("POST /login/sessions", h.endSession)
	public("POST /login/name", h.rename)
	public("GET /login/oidc", h.startOIDC)
	public("POST /login/oidc", h.linkOIDC)
	public("GET /login/oidc/callback", h.finishOIDC)
	public("GET /invitations/accept", h.invitationPage)
	public("POST /invitations/accept", h.accept)
	public("GET /device", h.devicePage)
	public("POST /device", h.decide)
	public("POST /oauth/device_authorization", h.authorizeDevice)
	public("POST /oauth/token", h.token)
	public("GET /.well-known/oauth-authorization-server", h.metadata)
	public("GET /login/assets/{file}", assets)

	m.Handle("GET /v1/whoami", access.IngestOnly, http.HandlerFunc(h.whoami))
	m.Handle("GET /v1/sessions", access.Admin, http.HandlerFunc(h.listSessions))
	m.Handle("DELETE /v1/sessions", access.Admin, http.HandlerFunc(h.deleteSessions))
	m.Handle("DELETE /v1/sessions/{id}", access.Admin, http.HandlerFunc(h.deleteSession))
	m.Handle("POST /v1/login-links", access.Admin, http.HandlerFunc(h.makeLink))
	m.Handle("GET /v1/accounts", access.Admin, http.HandlerFunc(h.listAccounts))
	m.Handle("POST /v1/accounts/{id}/disable", access.Admin, http.HandlerFunc(h.disable))
	m.Handle("POST /v1/accounts/{id}/enable", access.Admin, http.HandlerFunc(h.enable))
}

// Offers says whether sessions that began in a way go on: by passwords where no other party signs people in, by another
// party where it is the one that is configured, by links always. It is for [session.New].
func Offers(other *oidc.Client) func(method, issuer string) bool {
	return func(method, issuer string) bool {
		switch method {
		case session.ByPassword:
			return other == nil
		case session.ByOIDC:
			return other != nil && issuer == other.Issuer()
		}
		return method == session.ByLink
	}
}

// begin signs somebody in: a new session, whatever the browser brought along.
func (h *Handler) begin(w http.ResponseWriter, r *http.Request, a account.Account, method, issuer string) (access.Principal, error) {
	if !a.Active() {
		return access.Principal{}, errWrong
	}
	a, err := h.Accounts.Finish(r.Context(), a)
	if err != nil {
		return access.Principal{}, err
	}
	if old, _, ok, _ := h.Gate.Session(r); ok {
		if _, err := h.Sessions.End(r.Context(), old.Account, old.SessionID); err != nil {
			return access.Principal{}, err
		}
	}
	token, s, err := h.Sessions.Begin(r.Context(), session.Session{Account: a.ID, Method: method, Issuer: issuer, Address: h.From(r), Agent: r.UserAgent()})
	if err != nil {
		return access.Principal{}, err
	}
	h.Gate.Cookie(w, r, "", token, int(session.Life/time.Second))
	if err := h.Accounts.SignedIn(r.Context(), a.ID); err != nil { // the next time says it
		h.Log.WarnContext(r.Context(), "the first time that somebody signed in was not recorded", "account", a.ID, "err", err)
	}
	h.Log.InfoContext(r.Context(), "signed in", "account", a.ID, "by", method, "session", s.ID)
	return access.Principal{
		SessionID: s.ID, Name: a.Name, Scopes: []access.Scope{access.Admin}, Account: a.ID, Holder: domain.AccountGrantee,
		Organization: domain.Slug(a.Organization), DefaultWorkspace: domain.Slug(a.DefaultWorkspace),
	}, nil
}

// local is a path of ours to go on to; anything else is the page of the account.
func local(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") ||
		strings.ContainsAny(next, "\\\t\r\n") {
		return "/login"
	}
	return next
}

// Sweep deletes what has expired: links, attempts, grants, and buckets that are full again.
func (h *Handler) Sweep(ctx context.Context) error {
	errs := []error{h.sweepLinks(ctx), h.limits.sweep(ctx), h.Devices.Sweep(ctx)}
	if h.OIDC != nil {
		errs = append(errs, h.OIDC.Sweep(ctx))
	}
	return errors.Join(errs...)
}

// Run sweeps now and then until ctx ends.
func (h *Handler) Run(ctx context.Context) {
	tick := time.NewTicker(15 * time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := h.Sweep(ctx); err != nil {
			h.Log.WarnContext(ctx, "sweep what has expired of signing in", "err", err)
		}
	}
}
