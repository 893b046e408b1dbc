package oidc_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/oidc"
	"github.com/annals-io/annals/internal/pgtest"
)

// provider signs people in as a test wants it, forged tokens included.
type provider struct {
	*httptest.Server
	key, other *rsa.PrivateKey

	mu        sync.Mutex
	challenge string // of the attempt under way
	idToken   string
	userinfo  map[string]any
	status    int // of the token endpoint; 0: 200
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{userinfo: map[string]any{}}
	var err error
	if p.key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	if p.other, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	say := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		say(w, map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/auth", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys", "userinfo_endpoint": p.URL + "/userinfo",
			"id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"}, // an issuer that allows everything
		})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		b64 := base64.RawURLEncoding.EncodeToString
		say(w, map[string]any{"keys": []any{map[string]string{"kty": "RSA", "use": "sig", "kid": "1", "n": b64(p.key.N.Bytes()), "e": b64(big.NewInt(int64(p.key.E)).Bytes())}}})
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
		if p.status != 0 || base64.RawURLEncoding.EncodeToString(sum[:]) != p.challenge || r.FormValue("code") != "the-code" {
			w.WriteHeader(max(p.status, 400))
			say(w, map[string]string{"error": "invalid_grant"})
			return
		}
		answer := map[string]any{"access_token": "at", "token_type": "Bearer", "expires_in": 300}
		if p.idToken != "" {
			answer["id_token"] = p.idToken
		}
		say(w, answer)
	})
	mux.HandleFunc("/userinfo", func(w http.ResponseWriter, _ *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		say(w, p.userinfo)
	})
	return p
}

func segment(v any) string {
	raw, _ := json.Marshal(v)
	return base64.RawURLEncoding.EncodeToString(raw)
}

// sign makes a token by some algorithm and key.
func (p *provider) sign(alg string, key *rsa.PrivateKey, claims map[string]any) string {
	text := segment(map[string]string{"alg": alg, "kid": "1", "typ": "JWT"}) + "." + segment(claims)
	var sig []byte
	switch alg {
	case "RS256":
		sum := sha256.Sum256([]byte(text))
		sig, _ = rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	case "HS256": // by what everybody knows of the issuer: its public key; and by the client's secret, below
		mac := hmac.New(sha256.New, key.N.Bytes())
		mac.Write([]byte(text))
		sig = mac.Sum(nil)
	case "HS256-secret":
		text = segment(map[string]string{"alg": "HS256", "typ": "JWT"}) + "." + segment(claims)
		mac := hmac.New(sha256.New, []byte("secret"))
		mac.Write([]byte(text))
		sig = mac.Sum(nil)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(sig)
}

func database(t *testing.T) *pgxpool.Pool {
	t.Helper()
	address := pgtest.URL(t)
	if err := access.Migrate(t.Context(), address, ""); err != nil {
		t.Fatal(err)
	}
	return pgtest.Connect(t, address)
}

var began = time.Now().Truncate(time.Second)

func newClient(t *testing.T, db *pgxpool.Pool, p *provider, change func(*oidc.Config)) *oidc.Client {
	t.Helper()
	cfg := oidc.Config{Issuer: p.URL, ClientID: "annals", ClientSecret: "secret", RedirectURL: "https://annals.example/login/oidc/callback", Now: func() time.Time { return began }}
	if change != nil {
		change(&cfg)
	}
	c, err := oidc.New(db, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// attempt begins to sign in and answers the state, and the claims of a token that is in order.
func (p *provider) attempt(t *testing.T, c *oidc.Client, a oidc.Attempt) (state string, claims map[string]any) {
	t.Helper()
	to, state, err := c.Start(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if q.Get("code_challenge_method") != "S256" || q.Get("state") != state || q.Get("nonce") == "" || q.Get("client_id") != "annals" || q.Get("response_type") != "code" || q.Get("nonce") == state {
		t.Fatalf("the browser is sent to %s", to)
	}
	p.mu.Lock()
	p.challenge = q.Get("code_challenge")
	p.mu.Unlock()
	return state, map[string]any{
		"iss": p.URL, "aud": "annals", "sub": "subject-1", "nonce": q.Get("nonce"), "iat": began.Unix(), "exp": began.Add(time.Minute).Unix(),
		"name": "Ann", "email": "ann@good.example", "email_verified": true,
	}
}

// with is a copy of claims with some changed; nil removes one.
func with(claims map[string]any, pairs ...any) map[string]any {
	out := maps.Clone(claims)
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == nil {
			delete(out, pairs[i].(string))
			continue
		}
		out[pairs[i].(string)] = pairs[i+1]
	}
	return out
}
