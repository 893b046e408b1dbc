package oidc

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	coreos "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
)

// Config says which issuer signs people in. Issuer, ClientID and RedirectURL are needed.
type Config struct {
	Issuer       string
	ClientID     string
	ClientSecret string // empty: a public client, for which PKCE alone speaks
	RedirectURL  string
	Scopes       []string // besides openid; empty: profile and email
	// Domains are those of verified e-mail addresses that are let in; empty: everybody whom the issuer knows.
	Domains []string
	Label   string // of the button; empty: "single sign-on"
	HTTP    *http.Client
	Now     func() time.Time // nil: time.Now
}

// algorithms are those by which an ID token may be signed: by a key of two, of which the issuer alone has one.
var algorithms = []string{coreos.RS256, coreos.RS384, coreos.RS512, coreos.ES256, coreos.ES384, coreos.ES512, coreos.PS256, coreos.PS384, coreos.PS512, coreos.EdDSA}

// A Client signs people in at one issuer. It is safe for concurrent use.
type Client struct {
	cfg Config
	db  access.DB

	mu       sync.Mutex
	provider *coreos.Provider // nil until it was found
}

// New is a client of that issuer, which it does not speak to yet. It refuses a configuration under which tokens for others
// would be taken.
func New(db access.DB, cfg Config) (*Client, error) {
	for _, needed := range []struct{ name, value string }{{"issuer", cfg.Issuer}, {"client-id", cfg.ClientID}, {"redirect address", cfg.RedirectURL}} {
		if strings.TrimSpace(needed.value) == "" {
			return nil, &domain.Error{Code: domain.Required, Subject: "oidc", Message: fmt.Sprintf("the %s is missing: tokens that are meant for others would be taken", needed.name)}
		}
	}
	if len(cfg.Scopes) == 0 {
		cfg.Scopes = []string{"profile", "email"}
	}
	cfg.Scopes = append([]string{coreos.ScopeOpenID}, slices.DeleteFunc(slices.Clone(cfg.Scopes), func(s string) bool { return s == coreos.ScopeOpenID })...)
	if cfg.Label == "" {
		cfg.Label = "single sign-on"
	}
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{Timeout: 10 * time.Second}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	for i, d := range cfg.Domains {
		cfg.Domains[i] = strings.ToLower(strings.TrimPrefix(strings.TrimSpace(d), "@"))
	}
	return &Client{cfg: cfg, db: db}, nil
}

// Issuer is who signs people in.
func (c *Client) Issuer() string { return c.cfg.Issuer }

// Label names the issuer for people.
func (c *Client) Label() string { return c.cfg.Label }

// Discover asks the issuer where it does what, once. An issuer that calls itself by another name is refused.
func (c *Client) Discover(ctx context.Context) (*coreos.Provider, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.provider != nil {
		return c.provider, nil
	}
	// The provider fetches keys later with the client of this context; the context's end is not held against it.
	p, err := coreos.NewProvider(coreos.ClientContext(context.WithoutCancel(ctx), c.cfg.HTTP), c.cfg.Issuer)
	if err != nil {
		return nil, fmt.Errorf("ask %s for its configuration: %w", c.cfg.Issuer, err)
	}
	c.provider = p
	return p, nil
}

func (c *Client) oauth(p *coreos.Provider) *oauth2.Config {
	return &oauth2.Config{ClientID: c.cfg.ClientID, ClientSecret: c.cfg.ClientSecret, Endpoint: p.Endpoint(), RedirectURL: c.cfg.RedirectURL, Scopes: c.cfg.Scopes}
}
