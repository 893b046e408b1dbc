package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/access/account"
	"github.com/annals-io/annals/access/people"
	"github.com/annals-io/annals/access/session"
	"github.com/annals-io/annals/eventstore"
)

// A registry makes people who sign in, beside a server and in its database.
type registry struct {
	accounts *account.Accounts
	sessions *session.Sessions
}

func newRegistry(pool *pgxpool.Pool, commands eventstore.Commander, desk *people.Desk) registry {
	return registry{
		account.New(account.Config{DB: pool, Commands: commands, Sealer: desk.Sealer.(account.Sealer), Personal: (&server{desk: desk}).personal}),
		session.New(pool, nil, nil),
	}
}

// person registers somebody, whose personal organization has that slug.
func (r registry) person(t testing.TB, slug string) account.Account {
	t.Helper()
	made, err := r.accounts.Register(t.Context(), account.Wish{Name: "Person " + slug, Slug: slug}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// cookie begins a session of a person, and answers the header by which a browser asks.
func (r registry) cookie(t testing.TB, of uuid.UUID) string {
	t.Helper()
	token, _, err := r.sessions.Begin(t.Context(), session.Session{Account: of, Method: session.ByPassword, Address: "192.0.2.1", Agent: "a browser"})
	if err != nil {
		t.Fatal(err)
	}
	return "annals-dev=" + token
}

// deviceKey signs a program in, as the command line is: it asks, the person of a session says yes, and it is given a key.
func deviceKey(t testing.TB, server, cookie, scope string) string {
	t.Helper()
	form := func(path, cookie string, fields url.Values) (answer map[string]any) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server+path, strings.NewReader(fields.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if cookie != "" {
			req.Header.Set("Cookie", cookie)
			req.Header.Set("Origin", server)
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("POST %s: %s", path, resp.Status)
		}
		if cookie == "" {
			if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
				t.Fatal(err)
			}
		}
		return answer
	}
	asked := form("/oauth/device_authorization", "", url.Values{"client_id": {"a program"}, "scope": {scope}})
	form("/device", cookie, url.Values{"user_code": {asked["user_code"].(string)}, "decision": {"approve"}})
	given := form("/oauth/token", "", url.Values{"client_id": {"a program"}, "grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {asked["device_code"].(string)}})
	return given["access_token"].(string)
}
