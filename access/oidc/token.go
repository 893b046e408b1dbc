package oidc

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strings"

	coreos "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// claims are what an ID token says besides what is checked by the library.
type claims struct {
	AuthorizedParty string `json:"azp"`
	Name            string `json:"name"`
	Username        string `json:"preferred_username"`
	Email           string `json:"email"`
	Verified        any    `json:"email_verified"` // true, or "true" of some issuers
}

// mail is the address where the issuer has verified it.
func (c claims) mail() string {
	if c.Verified == true || c.Verified == "true" {
		return c.Email
	}
	return ""
}

// believe checks the ID token and answers whom it is about.
func (c *Client) believe(ctx context.Context, p *coreos.Provider, tokens *oauth2.Token, nonce string) (Person, error) {
	raw, ok := tokens.Extra("id_token").(string)
	if !ok {
		return Person{}, errors.Join(ErrToken, errors.New("there is no ID token"))
	}
	// ClientID is never empty, so that the audience is always checked.
	token, err := p.Verifier(&coreos.Config{ClientID: c.cfg.ClientID, SupportedSigningAlgs: algorithms, Now: c.cfg.Now}).Verify(ctx, raw)
	if err != nil {
		return Person{}, errors.Join(ErrToken, err)
	}
	var said claims
	if err := token.Claims(&said); err != nil {
		return Person{}, errors.Join(ErrToken, err)
	}
	switch {
	case token.Subject == "":
		return Person{}, errors.Join(ErrToken, errors.New("the ID token is about nobody"))
	case subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(nonce)) != 1:
		return Person{}, errors.Join(ErrToken, errors.New("the ID token is of another attempt"))
	case said.AuthorizedParty != "" && said.AuthorizedParty != c.cfg.ClientID, said.AuthorizedParty == "" && len(token.Audience) > 1:
		return Person{}, errors.Join(ErrToken, errors.New("the ID token was made for another client"))
	}
	if token.AccessTokenHash != "" {
		if err := token.VerifyAccessToken(tokens.AccessToken); err != nil {
			return Person{}, errors.Join(ErrToken, err)
		}
	}
	if said.Name == "" || said.Email == "" {
		c.ask(ctx, p, tokens, token.Subject, &said)
	}
	if !c.admits(said.mail()) {
		return Person{}, ErrDomain
	}
	local, _, _ := strings.Cut(said.Email, "@")
	return Person{Issuer: token.Issuer, Subject: token.Subject, Name: cmp.Or(said.Name, said.Username, local), Email: said.mail()}, nil
}

// ask completes what the ID token leaves out. An issuer may have nothing to add, or not answer: then it stays so.
func (c *Client) ask(ctx context.Context, p *coreos.Provider, tokens *oauth2.Token, subject string, said *claims) {
	info, err := p.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
	if err != nil || info.Subject != subject {
		return
	}
	var more claims
	if info.Claims(&more) != nil {
		return
	}
	said.Name, said.Username = cmp.Or(said.Name, more.Name), cmp.Or(said.Username, more.Username)
	if said.Email == "" { // the two belong together
		said.Email, said.Verified = more.Email, more.Verified
	}
}

// admits says whether somebody with that verified address, or none, is let in.
func (c *Client) admits(verified string) bool {
	if len(c.cfg.Domains) == 0 {
		return true
	}
	at := strings.LastIndexByte(verified, '@')
	return at > 0 && slices.Contains(c.cfg.Domains, strings.ToLower(verified[at+1:]))
}

const sweepSQL = `DELETE FROM log.oidc_attempts WHERE expires_at < $1`

// Sweep deletes attempts that nobody finished.
func (c *Client) Sweep(ctx context.Context) error {
	if _, err := c.db.Exec(ctx, sweepSQL, c.cfg.Now()); err != nil {
		return fmt.Errorf("sweep attempts to sign in: %w", err)
	}
	return nil
}
