package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access/account"
	"github.com/annals-io/annals/access/device"
	"github.com/annals-io/annals/access/oidc"
	"github.com/annals-io/annals/access/session"
	"github.com/annals-io/annals/access/signin"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/vault"
)

// oidcFlags say which other party signs people in.
type oidcFlags struct {
	issuer, clientID, secretFile, label string
	scopes, domains                     []string
}

// used says whether any of them was set.
func (o oidcFlags) used() bool {
	return o.issuer != "" || o.clientID != "" || o.secretFile != "" || o.label != "" || len(o.scopes) > 0 || len(o.domains) > 0
}

// checkOIDC refuses what would take tokens for others, or send secrets in the open.
func (f serveFlags) checkOIDC(host string) error {
	o := f.oidc
	if !o.used() {
		return nil
	}
	u, err := url.Parse(o.issuer)
	switch {
	case o.issuer == "":
		return usage("--oidc-issuer is missing").with("it is the address of whoever signs people in, such as https://id.example/realms/main")
	case strings.TrimSpace(o.clientID) == "":
		return usage("--oidc-client-id is missing: tokens that are meant for others would be taken").with("it is what this server is registered as with %s", o.issuer)
	case err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())):
		return usage("--oidc-issuer %q is no address that can be trusted", o.issuer).with("write it as https://...; plain http is for this machine alone")
	case f.publicURL == "" && !loopback(host):
		return usage("--public-url is missing: people come back from %s to it", o.issuer)
	}
	if o.secretFile != "" {
		if _, err := os.Stat(o.secretFile); err != nil {
			return usage("--oidc-client-secret-file: %v", err)
		}
	}
	return nil
}

// base is where others reach the server.
func (f serveFlags) base(address string) string {
	if f.publicURL != "" {
		return strings.TrimSuffix(f.publicURL, "/")
	}
	return address
}

// openSignIn makes the door for people. Where another party signs them in, it is asked for its configuration in the
// background: a server starts also while that party is away.
func (s *server) openSignIn(ctx context.Context, f serveFlags, address string) error {
	var other *oidc.Client
	if f.oidc.used() {
		secret := ""
		if f.oidc.secretFile != "" {
			var err error
			if secret, err = readLine(f.oidc.secretFile); err != nil {
				return usage("--oidc-client-secret-file: %v", err)
			}
		}
		var err error
		other, err = oidc.New(s.pool, oidc.Config{
			Issuer: f.oidc.issuer, ClientID: f.oidc.clientID, ClientSecret: secret, RedirectURL: f.base(address) + "/login/oidc/callback",
			Scopes: f.oidc.scopes, Domains: f.oidc.domains, Label: f.oidc.label,
		})
		if err != nil {
			return err
		}
		s.work.Go(func() {
			if _, err := other.Discover(ctx); err != nil && ctx.Err() == nil {
				s.log.Warn("the party that signs people in does not answer as it should; it is asked again when somebody signs in", "issuer", f.oidc.issuer, "err", err)
			}
		})
	}
	origins, err := f.origins()
	if err != nil {
		return err
	}
	sessions := session.New(s.pool, nil, signin.Offers(other))
	if s.gate, err = session.NewGate(s.keys, sessions, f.publicURL, origins); err != nil {
		return err
	}
	s.accounts = account.New(account.Config{DB: s.pool, Commands: s.rights.Watch(s.commander()), Sealer: s.sealer, Personal: s.personal, Places: memberships{s.desk}})
	proxies := prefixes(f.trustedProxies)
	s.signIn = signin.New(signin.Config{
		DB: s.pool, Accounts: s.accounts, Sessions: sessions, Gate: s.gate, Devices: device.New(s.pool, nil), Keys: s.keys, OIDC: other, Invitations: invitations{s.desk},
		Operator: s.rights.Operator, Base: f.base(address), From: func(r *http.Request) string { return callerIP(r, proxies) }, Log: s.log,
	})
	s.work.Go(func() { sessions.Run(ctx, func(err error) { s.log.Warn("sessions", "err", err) }) })
	s.work.Go(func() { s.signIn.Run(ctx) })
	s.work.Go(func() { s.accounts.CarryOn(ctx, s.log) })
	return nil
}

// personal makes somebody's own organization.
func (s *server) personal(ctx context.Context, of uuid.UUID, name string) (domain.Slug, domain.Slug, error) {
	made, err := s.desk.EnsurePersonal(ctx, of, name)
	return made.Slug, made.Workspace, err
}

// adopt lets the first owner sign in: instances of earlier versions have the account in the log alone.
func (s *server) adopt(ctx context.Context, owner uuid.UUID) error {
	if _, ok, err := s.accounts.Find(ctx, owner); err != nil || ok {
		return err
	}
	name, err := s.nameOf(ctx, owner)
	if err != nil {
		return err
	}
	return s.accounts.Adopt(ctx, owner, name, firstOrganization, firstWorkspace)
}

// nameOf is what an account was called when it was registered, as far as that can be opened.
func (s *server) nameOf(ctx context.Context, of uuid.UUID) (string, error) {
	page, err := s.store.ReadStream(ctx, domain.AccountStream(of), 0, eventstore.Forward, 1)
	var none *eventstore.NotFoundError
	if errors.As(err, &none) || err == nil && len(page.Events) == 0 {
		return "Owner", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the name of account %s: %w", of, err)
	}
	e, ok := page.Events[0].Event.(domain.AccountRegistered)
	if !ok || e.Name == nil {
		return "Owner", nil
	}
	name, err := s.sealer.Reveal(*e.Name)
	if errors.Is(err, vault.ErrErased) || err == nil && name == "" {
		return "Owner", nil
	}
	return name, err
}
