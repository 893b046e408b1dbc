package session

import (
	"context"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
)

// The names of the cookie. The prefix has browsers refuse one that is not Secure or is meant for other hosts too. Over
// plain HTTP on one's own machine some browsers keep no Secure cookie, so there it has another name.
const (
	cookieName      = "__Host-annals"
	localCookieName = "annals-dev"
)

// ErrForeign says that a browser sent a cookie with a request that no page of ours made.
var ErrForeign = &access.Refusal{Status: http.StatusForbidden, Code: "cross_origin", Message: "a page of another site made this request: nothing was done"}

// ErrNotJSON says that a browser's request could have been made by a form.
var ErrNotJSON = &access.Refusal{Status: http.StatusUnsupportedMediaType, Code: "not_json", Message: "with a session instead of a key, what changes something is sent as application/json"}

// A Gate takes keys, and where a request brings none, the cookie of a session.
type Gate struct {
	keys     access.Authenticator
	sessions *Sessions
	secure   bool // others reach the server by https, whatever a request looks like
	forms    *http.CrossOriginProtection
	sockets  *http.CrossOriginProtection
}

var _ access.Authenticator = (*Gate)(nil)

// NewGate takes what keys know and the cookies of sessions. publicURL is where others reach the server, empty where that
// is where requests come in; origins are others whose pages may open WebSockets.
func NewGate(keys access.Authenticator, sessions *Sessions, publicURL string, origins []string) (*Gate, error) {
	g := &Gate{keys: keys, sessions: sessions, forms: http.NewCrossOriginProtection(), sockets: http.NewCrossOriginProtection()}
	if u, err := url.Parse(publicURL); err == nil && u.Host != "" {
		g.secure = u.Scheme == "https"
		origin := u.Scheme + "://" + u.Host
		for _, p := range []*http.CrossOriginProtection{g.forms, g.sockets} {
			if err := p.AddTrustedOrigin(origin); err != nil {
				return nil, fmt.Errorf("trust the pages of %s: %w", origin, err)
			}
		}
	}
	for _, origin := range origins {
		if err := g.sockets.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("trust the pages of %s: %w", origin, err)
		}
	}
	return g, nil
}

// Authenticate says who sent a request: by the key in its Authorization header, else by its cookie.
func (g *Gate) Authenticate(ctx context.Context, r *http.Request) (access.Principal, error) {
	token := g.token(r)
	if token == "" || len(r.Header.Values("Authorization")) > 0 {
		return g.byKey(ctx, r)
	}
	p, _, err := g.sessions.Check(ctx, token)
	if err != nil {
		return access.Principal{}, err
	}
	return p, g.own(r)
}

// ErrDisabled says that the holder of a key is shut out.
var ErrDisabled = &access.Refusal{Status: http.StatusUnauthorized, Code: "account_disabled", Message: "the account of this key is disabled: ask those who operate the server"}

func (g *Gate) byKey(ctx context.Context, r *http.Request) (access.Principal, error) {
	p, err := g.keys.Authenticate(ctx, r)
	if err != nil || p.Who().Kind != domain.AccountGrantee {
		return p, err
	}
	switch disabled, err := g.sessions.Disabled(ctx, p.Account); {
	case err != nil:
		return access.Principal{}, &access.UnavailableError{Cause: err}
	case disabled:
		return access.Principal{}, ErrDisabled
	}
	return p, nil
}

// own refuses what somebody else's page has a browser send.
func (g *Gate) own(r *http.Request) error {
	if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		opening := r.Clone(r.Context())
		opening.Method = http.MethodPost // it changes nothing, but scripts of other sites can read its answers
		if g.sockets.Check(opening) != nil {
			return ErrForeign
		}
		return nil
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return nil
	}
	if g.forms.Check(r) != nil {
		return ErrForeign
	}
	if r.ContentLength == 0 {
		return nil
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" && kind != "application/x-ndjson" && !strings.HasSuffix(kind, "+json") {
		return ErrNotJSON
	}
	return nil
}

// Form refuses a form that was not sent from a page of ours.
func (g *Gate) Form(r *http.Request) error {
	if g.forms.Check(r) != nil {
		return ErrForeign
	}
	return nil
}

// Session is the session of a request, by its cookie; ok is false where there is none.
func (g *Gate) Session(r *http.Request) (p access.Principal, s Session, ok bool, err error) {
	token := g.token(r)
	if token == "" {
		return p, s, false, nil
	}
	p, s, err = g.sessions.Check(r.Context(), token)
	if err == ErrEnded {
		return p, s, false, nil
	}
	return p, s, err == nil, err
}

func (g *Gate) token(r *http.Request) string {
	c, err := r.Cookie(g.name(r))
	if err != nil {
		return ""
	}
	return c.Value
}

// name is that of the cookie for those who come this way.
func (g *Gate) name(r *http.Request) string {
	if g.local(r) {
		return localCookieName
	}
	return cookieName
}

// local says whether a request comes by plain HTTP to this very machine.
func (g *Gate) local(r *http.Request) bool {
	if g.secure || r.TLS != nil {
		return false
	}
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if r.Header.Get(name) != "" { // a proxy passes it on, from who knows where
			return false
		}
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// Cookie sets a cookie of the browser, under a name of its own beside the session's (empty: the session's). An empty value
// removes it. Scripts never see it, and requests that other sites make do not carry it, save where a link is followed.
func (g *Gate) Cookie(w http.ResponseWriter, r *http.Request, suffix, value string, seconds int) {
	if value == "" {
		seconds = -1
	}
	http.SetCookie(w, &http.Cookie{
		Name: g.name(r) + suffix, Value: value, Path: "/", MaxAge: seconds, HttpOnly: true, Secure: !g.local(r), SameSite: http.SameSiteLaxMode,
	})
}

// Kept is the value of such a cookie.
func (g *Gate) Kept(r *http.Request, suffix string) string {
	c, err := r.Cookie(g.name(r) + suffix)
	if err != nil {
		return ""
	}
	return c.Value
}
