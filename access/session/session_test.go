package session_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/session"
	"github.com/annals-io/annals/internal/pgtest"
)

var (
	noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ann  = uuid.MustParse("0190a8f0-0000-7000-8000-00000000000a")
)

// clock moves only when it is told to.
type clock struct{ at atomic.Pointer[time.Time] }

func newClock() *clock {
	c := &clock{}
	c.set(noon)
	return c
}

func (c *clock) set(t time.Time) { c.at.Store(&t) }
func (c *clock) now() time.Time  { return *c.at.Load() }

// database has one account: Ann's.
func database(t *testing.T) *pgxpool.Pool {
	t.Helper()
	url := pgtest.URL(t)
	if err := access.Migrate(t.Context(), url, ""); err != nil {
		t.Fatal(err)
	}
	pool := pgtest.Connect(t, url)
	exec(t, pool, `INSERT INTO log.accounts (account, name, organization, default_workspace, state, created_at) VALUES ($1, 'Ann', 'user-a', 'user-a-default', 'active', $2)`, ann, noon)
	return pool
}

func exec(t *testing.T, pool *pgxpool.Pool, sql string, args ...any) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

func begin(t *testing.T, s *session.Sessions, method, issuer string) (string, session.Session) {
	t.Helper()
	token, one, err := s.Begin(t.Context(), session.Session{Account: ann, Method: method, Issuer: issuer, Address: "192.0.2.1", Agent: "a browser"})
	if err != nil {
		t.Fatal(err)
	}
	return token, one
}

func TestASessionIsAPerson(t *testing.T) {
	t.Parallel()
	s := session.New(database(t), newClock().now, nil)
	token, one := begin(t, s, session.ByPassword, "")
	p, got, err := s.Check(t.Context(), token)
	if err != nil || p.SessionID != one.ID || p.KeyID != "" || p.Account != ann || p.Name != "Ann" || p.Organization != "user-a" || p.DefaultWorkspace != "user-a-default" ||
		!p.Has(access.Admin) || p.Workspace != "" || !p.Expires.IsZero() || got.Address != "192.0.2.1" {
		t.Errorf("Check = %+v, %+v, %v", p, got, err)
	}
	if other, another := begin(t, s, session.ByPassword, ""); other == token || another.ID == one.ID {
		t.Error("two sessions have one token or id")
	}
}

// How a session ends: by time, by its holder, by what happens to the account, or because its way in is no more.
func TestLifeOfASession(t *testing.T) {
	t.Parallel()
	pool := database(t)
	for name, tt := range map[string]struct {
		method, issuer string
		after          func(s *session.Sessions, c *clock, token string, one session.Session)
		ended          bool
	}{
		"new":           {session.ByPassword, "", func(*session.Sessions, *clock, string, session.Session) {}, false},
		"idle, not yet": {session.ByPassword, "", func(_ *session.Sessions, c *clock, _ string, _ session.Session) { c.set(noon.Add(session.Idle - 1)) }, false},
		"idle":          {session.ByPassword, "", func(_ *session.Sessions, c *clock, _ string, _ session.Session) { c.set(noon.Add(session.Idle)) }, true},
		"used, then idle": {session.ByPassword, "", func(s *session.Sessions, c *clock, token string, _ session.Session) {
			use(t, s, c, token, session.Idle-time.Hour, 1)
			c.set(c.now().Add(session.Idle - time.Hour))
		}, false},
		"used, written": {session.ByPassword, "", func(s *session.Sessions, c *clock, token string, _ session.Session) {
			use(t, s, c, token, session.Idle-time.Hour, 1)
			flush(t, s)
			c.set(c.now().Add(session.Idle - time.Hour))
		}, false},
		"a week, in use": {session.ByPassword, "", func(s *session.Sessions, c *clock, token string, _ session.Session) {
			use(t, s, c, token, 11*time.Hour, 15)
			c.set(noon.Add(session.Life))
		}, true},
		"not yet a week": {session.ByPassword, "", func(s *session.Sessions, c *clock, token string, _ session.Session) {
			use(t, s, c, token, 11*time.Hour, 15)
			c.set(noon.Add(session.Life - 1))
		}, false},
		"ended":            {session.ByPassword, "", func(s *session.Sessions, _ *clock, _ string, one session.Session) { end(t, s, one.ID) }, true},
		"others ended":     {session.ByPassword, "", func(s *session.Sessions, _ *clock, _ string, one session.Session) { endOthers(t, s, one.ID) }, false},
		"all ended":        {session.ByPassword, "", func(s *session.Sessions, _ *clock, _ string, _ session.Session) { endOthers(t, s, "") }, true},
		"the other issuer": {session.ByOIDC, "https://other.example", func(*session.Sessions, *clock, string, session.Session) {}, true},
		"this issuer":      {session.ByOIDC, "https://id.example", func(*session.Sessions, *clock, string, session.Session) {}, false},
	} {
		t.Run(name, func(t *testing.T) {
			// Not in parallel: they are sessions of one account, and some end all of them.
			c := newClock()
			s := session.New(pool, c.now, func(method, issuer string) bool { return method != session.ByOIDC || issuer == "https://id.example" })
			token, one := begin(t, s, tt.method, tt.issuer)
			if tt.issuer == "" {
				if _, _, err := s.Check(t.Context(), token); err != nil {
					t.Fatal(err)
				}
			}
			tt.after(s, c, token, one)
			s.Forget()
			if _, _, err := s.Check(t.Context(), token); errors.Is(err, session.ErrEnded) != tt.ended || err != nil && !tt.ended {
				t.Errorf("Check = %v, want it ended: %v", err, tt.ended)
			}
		})
	}
}

func use(t *testing.T, s *session.Sessions, c *clock, token string, every time.Duration, times int) {
	t.Helper()
	for range times {
		c.set(c.now().Add(every))
		if _, _, err := s.Check(t.Context(), token); err != nil {
			t.Fatalf("at %s: %v", c.now(), err)
		}
	}
}

func flush(t *testing.T, s *session.Sessions) {
	t.Helper()
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func end(t *testing.T, s *session.Sessions, id string) {
	t.Helper()
	if ok, err := s.End(t.Context(), ann, id); !ok || err != nil {
		t.Fatal(ok, err)
	}
}

func endOthers(t *testing.T, s *session.Sessions, but string) {
	t.Helper()
	if _, err := s.EndOthers(t.Context(), ann, but); err != nil {
		t.Fatal(err)
	}
}

func TestADisabledAccountHasNoSession(t *testing.T) {
	t.Parallel()
	pool := database(t)
	s := session.New(pool, newClock().now, nil)
	token, _ := begin(t, s, session.ByPassword, "")
	exec(t, pool, `UPDATE log.accounts SET disabled_at = now()`)
	s.Forget()
	if _, _, err := s.Check(t.Context(), token); !errors.Is(err, session.ErrEnded) {
		t.Errorf("Check = %v", err)
	}
}

// What is not the token is no token: a part of it, more than it, the stored hash, another case.
func TestWhatIsNoToken(t *testing.T) {
	t.Parallel()
	pool := database(t)
	s := session.New(pool, newClock().now, nil)
	token, one := begin(t, s, session.ByPassword, "")
	var hash string
	if err := pool.QueryRow(t.Context(), `SELECT translate(encode(hash, 'base64'), '+/=', '-_') FROM log.sessions`).Scan(&hash); err != nil {
		t.Fatal(err)
	}
	bad := []string{"", one.ID, hash, token + "A", token + "\x00", token + " ", " " + token, strings.ToUpper(token), strings.ToLower(token), token[:42] + "\xff", strings.Repeat("A", 43), "'; DROP TABLE log.sessions; --aaaaaaaaaaaaaa"}
	for i := range token {
		bad = append(bad, token[:i], token[i+1:])
	}
	for _, text := range bad {
		if _, _, err := s.Check(t.Context(), text); !errors.Is(err, session.ErrEnded) {
			t.Errorf("Check(%q) = %v, want ErrEnded", text, err)
		}
	}
	if _, _, err := s.Check(t.Context(), token); err != nil {
		t.Errorf("the token itself: %v", err)
	}
}

// What one server ends, the others see within a second.
func TestEveryServerSeesTheEnd(t *testing.T) {
	t.Parallel()
	pool := database(t)
	here, there := session.New(pool, nil, nil), session.New(pool, nil, nil)
	token, one := begin(t, here, session.ByPassword, "")
	if _, _, err := there.Check(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	end(t, here, one.ID)
	if _, _, err := here.Check(t.Context(), token); !errors.Is(err, session.ErrEnded) {
		t.Errorf("here: %v", err)
	}
	for began := time.Now(); ; {
		_, _, err := there.Check(t.Context(), token)
		if errors.Is(err, session.ErrEnded) {
			break
		}
		if time.Since(began) > time.Second {
			t.Fatalf("there, after a second: %v", err)
		}
	}
}

func TestListingSessions(t *testing.T) {
	t.Parallel()
	pool := database(t)
	c := newClock()
	s := session.New(pool, c.now, nil)
	_, old := begin(t, s, session.ByPassword, "")
	c.set(noon.Add(session.Idle))
	_, first := begin(t, s, session.ByLink, "")
	c.set(c.now().Add(time.Minute))
	_, second := begin(t, s, session.ByPassword, "")
	all, err := s.List(t.Context(), ann)
	if err != nil || len(all) != 2 || all[0].ID != second.ID || all[1].ID != first.ID || all[1].Method != session.ByLink {
		t.Errorf("List = %+v, %v; want %s and %s, and not %s", all, err, second.ID, first.ID, old.ID)
	}
	if ok, err := s.End(t.Context(), uuid.New(), first.ID); ok || err != nil {
		t.Errorf("somebody else's session was ended: %v, %v", ok, err)
	}
	c.set(noon.Add(session.Life + 30*24*time.Hour + time.Hour))
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	var left int
	if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM log.sessions`).Scan(&left); err != nil || left != 2 {
		t.Errorf("%d rows are left, %v; want those of the second half day", left, err)
	}
}

func TestADatabaseThatIsAwaySignsNobodyOut(t *testing.T) {
	t.Parallel()
	pool := database(t)
	pool.Close()
	s := session.New(pool, nil, nil)
	var away *access.UnavailableError
	if _, _, err := s.Check(t.Context(), strings.Repeat("A", 43)); !errors.As(err, &away) {
		t.Errorf("Check = %v, want an UnavailableError", err)
	}
}
