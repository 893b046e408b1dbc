package oidc

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	coreos "github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/oauth2"

	"github.com/annals-io/annals/access"
)

// Patience is how long an attempt to sign in may take.
const Patience = 10 * time.Minute

// The refusals of what a browser brings back. None repeats what the other party said: that is theirs.
var (
	ErrState   = refusal(http.StatusBadRequest, "oidc_state", "this sign-in was not begun in this browser, was finished before, or took longer than ten minutes: begin it again")
	ErrRefused = refusal(http.StatusForbidden, "oidc_refused", "the other party did not sign you in")
	ErrToken   = refusal(http.StatusForbidden, "oidc_token", "what the other party sent cannot be believed: nothing was done")
	ErrDomain  = refusal(http.StatusForbidden, "oidc_domain", "people of your domain are not let in here, or your e-mail address is not verified")
	ErrAway    = refusal(http.StatusServiceUnavailable, "oidc_unavailable", "the other party cannot be reached now: try again in a moment")
)

func refusal(status int, code, message string) *access.Refusal {
	return &access.Refusal{Status: status, Code: code, Message: message}
}

// An Attempt to sign in is what is to be done when it succeeds.
type Attempt struct {
	Next       string    // where to go then
	Account    uuid.UUID // to link the identity with; none: to sign in
	Invitation string    // to accept then
}

// A Person is who came back.
type Person struct {
	Issuer, Subject string
	Name            string // for people; may be empty
	Email           string // verified by the issuer, else empty
}

const startSQL = `INSERT INTO log.oidc_attempts (state, nonce, verifier, next, account, invitation, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`

// Start answers where to send the browser, and the state that is to be in a cookie of it when it comes back.
func (c *Client) Start(ctx context.Context, a Attempt) (to, state string, err error) {
	p, err := c.Discover(ctx)
	if err != nil {
		return "", "", errors.Join(ErrAway, err)
	}
	state, nonce, verifier := secret(), secret(), oauth2.GenerateVerifier()
	hash := sha256.Sum256([]byte(state))
	var account *uuid.UUID
	if a.Account != uuid.Nil {
		account = &a.Account
	}
	if _, err := c.db.Exec(ctx, startSQL, hash[:], nonce, verifier, a.Next, account, a.Invitation, c.cfg.Now().Add(Patience)); err != nil {
		return "", "", fmt.Errorf("begin to sign in: %w", err)
	}
	return c.oauth(p).AuthCodeURL(state, coreos.Nonce(nonce), oauth2.S256ChallengeOption(verifier)), state, nil
}

func secret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // it never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

const finishSQL = `DELETE FROM log.oidc_attempts WHERE state = $1 RETURNING nonce, verifier, next, account, invitation, expires_at`

// begun is an attempt as it was kept.
type begun struct {
	Nonce, Verifier, Next string
	Account               *uuid.UUID
	Invitation            string
	ExpiresAt             time.Time
}

// take ends an attempt, so that it cannot be finished twice.
func (c *Client) take(ctx context.Context, state, kept string) (begun, error) {
	if state == "" || subtle.ConstantTimeCompare([]byte(state), []byte(kept)) != 1 {
		return begun{}, ErrState
	}
	hash := sha256.Sum256([]byte(state))
	rows, _ := c.db.Query(ctx, finishSQL, hash[:])
	b, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[begun])
	if errors.Is(err, pgx.ErrNoRows) || err == nil && !c.cfg.Now().Before(b.ExpiresAt) {
		return begun{}, ErrState
	}
	if err != nil {
		return begun{}, fmt.Errorf("finish signing in: %w", err)
	}
	return b, nil
}

// Finish judges what a browser brought back: said is the query of the redirect, kept the state in its cookie. Errors that
// wrap a [*access.Refusal] may be shown; what they wrap besides is for the log.
func (c *Client) Finish(ctx context.Context, said url.Values, kept string) (Person, Attempt, error) {
	b, err := c.take(ctx, said.Get("state"), kept)
	if err != nil {
		return Person{}, Attempt{}, err
	}
	a := Attempt{Next: b.Next, Invitation: b.Invitation}
	if b.Account != nil {
		a.Account = *b.Account
	}
	if no := said.Get("error"); no != "" {
		return Person{}, a, errors.Join(ErrRefused, fmt.Errorf("%s said %q", c.cfg.Issuer, no))
	}
	if iss := said.Get("iss"); iss != "" && iss != c.cfg.Issuer { // RFC 9207: another party's answer
		return Person{}, a, errors.Join(ErrToken, fmt.Errorf("the answer is from %q", iss))
	}
	p, err := c.Discover(ctx)
	if err != nil {
		return Person{}, a, errors.Join(ErrAway, err)
	}
	ctx = coreos.ClientContext(ctx, c.cfg.HTTP)
	tokens, err := c.oauth(p).Exchange(ctx, said.Get("code"), oauth2.VerifierOption(b.Verifier))
	if err != nil {
		var no *oauth2.RetrieveError
		if errors.As(err, &no) {
			return Person{}, a, errors.Join(ErrToken, fmt.Errorf("exchange the code: %w", err))
		}
		return Person{}, a, errors.Join(ErrAway, fmt.Errorf("exchange the code: %w", err))
	}
	who, err := c.believe(ctx, p, tokens, b.Nonce)
	return who, a, err
}
