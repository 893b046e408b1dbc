package signin_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/account"
	"github.com/annals-io/annals/access/device"
	"github.com/annals-io/annals/access/session"
	"github.com/annals-io/annals/access/signin"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/memory"
	"github.com/annals-io/annals/internal/pgtest"
)

const password = "correct horse battery"

// clock goes on when it is told to, from the real time on: cookies of tests have real lives.
type clock struct {
	ahead atomic.Int64
	start time.Time
}

func (c *clock) now() time.Time        { return c.start.Add(time.Duration(c.ahead.Load())) }
func (c *clock) goOn(by time.Duration) { c.ahead.Add(int64(by)) }

type sealer struct{}

func (sealer) Seal(subject, value string) (domain.Personal, error) {
	return domain.Personal{Subject: subject, Sealed: []byte(value)}, nil
}

// house is a server with nothing but its door.
type house struct {
	*clock
	t        testing.TB
	url      string
	pool     *pgxpool.Pool
	accounts *account.Accounts
	door     *signin.Handler
	keys     *access.Keys
	operator uuid.UUID // who operates it
}

// newHouse opens one on a database of its own.
func newHouse(t testing.TB, change ...func(*signin.Config)) *house {
	t.Helper()
	database := pgtest.URL(t)
	if err := access.Migrate(t.Context(), database, ""); err != nil {
		t.Fatal(err)
	}
	return openHouse(t, pgtest.Connect(t, database), &clock{start: time.Now().Truncate(time.Second)}, change...)
}

// openHouse opens one, perhaps beside others, on a database. What changes gets the config before the address is known,
// and a listener's address as its base.
func openHouse(t testing.TB, pool *pgxpool.Pool, c *clock, change ...func(*signin.Config)) *house {
	t.Helper()
	h := &house{clock: c, t: t, pool: pool, operator: uuid.New()}
	commands := eventstore.New(memory.New(), eventstore.Config{})
	h.accounts = account.New(account.Config{
		DB: h.pool, Commands: commands, Sealer: sealer{}, Now: h.now,
		Personal: func(_ context.Context, id uuid.UUID, name string) (domain.Slug, domain.Slug, error) {
			if name == "" {
				name = "user-" + id.String()[:8]
			}
			return domain.Slug(name), domain.DefaultSlug(domain.Slug(name)), nil
		},
	})
	h.keys = access.NewKeys(h.pool, h.now)
	server := httptest.NewUnstartedServer(nil)
	h.url = "http://" + server.Listener.Addr().String()
	cfg := signin.Config{
		DB: h.pool, Accounts: h.accounts, Devices: device.New(h.pool, h.now), Keys: h.keys, Base: h.url, Now: h.now,
		Operator: func(_ context.Context, p access.Principal) (bool, error) { return p.Account == h.operator, nil },
		From:     func(r *http.Request) string { return "192.0.2." + r.Header.Get("X-Test-Address") },
	}
	for _, f := range change {
		f(&cfg)
	}
	cfg.Sessions = session.New(h.pool, h.now, signin.Offers(cfg.OIDC))
	gate, err := session.NewGate(h.keys, cfg.Sessions, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Gate = gate
	h.door = signin.New(cfg)
	mux := access.NewMux(gate, nil, nil)
	h.door.Register(mux)
	server.Config.Handler = mux
	server.Start()
	t.Cleanup(func() {
		server.Close()
		_ = commands.Close(context.Background())
	})
	return h
}

// person registers somebody with the password of all tests.
func (h *house) person(login string) account.Account {
	h.t.Helper()
	b := h.browser()
	link, err := h.door.Link(h.t.Context(), uuid.Nil, domain.Actor{Kind: "system", ID: "test"})
	if err != nil {
		h.t.Fatal(err)
	}
	if got := b.post("/login/link", "token", secret(link), "login", login, "name", strings.ToUpper(login), "password", password); got.status != 200 {
		h.t.Fatalf("register %s: %+v", login, got)
	}
	a, ok, err := h.accounts.ByLogin(h.t.Context(), login)
	if err != nil || !ok {
		h.t.Fatal(ok, err)
	}
	return a
}

func secret(l signin.Link) string {
	_, after, _ := strings.Cut(l.URL, "#")
	return after
}

// answer is what came back, after redirects.
type answer struct {
	status int
	body   string
	header http.Header
	at     string // the path where it ended
}

// browser keeps cookies and follows redirects.
type browser struct {
	h       *house
	client  *http.Client
	address string // the last byte of where it is
	header  map[string]string
}

func (h *house) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return &browser{h: h, client: &http.Client{Jar: jar}, address: "1", header: map[string]string{}}
}

func (b *browser) get(path string) answer { return b.do(http.MethodGet, path, "", "") }

func (b *browser) post(path string, fields ...string) answer {
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return b.do(http.MethodPost, path, "application/x-www-form-urlencoded", form.Encode())
}

func (b *browser) json(method, path string, v any) answer {
	body := ""
	if v != nil {
		raw, err := json.Marshal(v)
		if err != nil {
			b.h.t.Fatal(err)
		}
		body = string(raw)
	}
	return b.do(method, path, "application/json", body)
}

func (b *browser) do(method, path, kind, body string) answer {
	b.h.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = b.h.url + path
	}
	req, err := http.NewRequestWithContext(b.h.t.Context(), method, path, strings.NewReader(body))
	if err != nil {
		b.h.t.Fatal(err)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
		req.Header.Set("Origin", b.h.url)
	}
	req.Header.Set("X-Test-Address", b.address)
	for name, v := range b.header {
		req.Header.Set(name, v)
	}
	resp, err := b.client.Do(req)
	if err != nil {
		b.h.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.h.t.Fatalf("%s %s: %v", method, path, err)
	}
	return answer{resp.StatusCode, string(text), resp.Header, resp.Request.URL.Path}
}

// signedIn says whether the server knows the browser's user.
func (b *browser) signedIn() bool { return b.get("/v1/whoami").status == 200 }

// cookie is the session's, as the browser has it; empty: it has none.
func (b *browser) cookie() string {
	u, err := url.Parse(b.h.url)
	if err != nil {
		b.h.t.Fatal(err)
	}
	for _, c := range b.client.Jar.Cookies(u) {
		if c.Name == "annals-dev" {
			return c.Value
		}
	}
	return ""
}

// accountWish is somebody who is known by a name alone.
func accountWish(name string) account.Wish { return account.Wish{Name: name} }
