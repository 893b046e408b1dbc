package access_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/internal/pgtest"
)

// noon is when tests happen; a clock moves only when it is told to.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

type clock struct{ at atomic.Pointer[time.Time] }

func newClock() *clock {
	c := &clock{}
	c.set(noon)
	return c
}

func (c *clock) set(t time.Time) { c.at.Store(&t) }
func (c *clock) now() time.Time  { return *c.at.Load() }

func database(t *testing.T) *pgxpool.Pool {
	t.Helper()
	url := pgtest.URL(t)
	for range 2 { // the second time there is nothing to do
		if err := access.Migrate(t.Context(), url, ""); err != nil {
			t.Fatalf("Migrate: %v", err)
		}
	}
	return pgtest.Connect(t, url)
}

var owner = access.Principal{
	KeyID: "system", Scopes: []access.Scope{access.Admin}, Account: uuid.MustParse("6ba7b810-9dad-41d1-80b4-00c04fd430c8"),
	Organization: "personal", DefaultWorkspace: "default",
}

func create(t *testing.T, k *access.Keys, w access.Wish) (string, access.Record) {
	t.Helper()
	text, r, err := k.Create(t.Context(), owner, w)
	if err != nil {
		t.Fatalf("Create(%+v): %v", w, err)
	}
	return text, r
}

func TestAKeyOpensWhatItWasMadeFor(t *testing.T) {
	t.Parallel()
	keys := access.NewKeys(database(t), newClock().now)
	text, r := create(t, keys, access.Wish{Name: "ci", Scopes: []access.Scope{access.Write}, Workspace: "fraud"})

	got, err := keys.Check(t.Context(), text)
	want := access.Principal{
		KeyID: r.ID, Kind: access.Personal, Name: "ci", Scopes: []access.Scope{access.Write}, Workspace: "fraud",
		Account: owner.Account, Organization: "personal", DefaultWorkspace: "default",
	}
	if err != nil || got.KeyID != want.KeyID || got.Kind != want.Kind || got.Workspace != want.Workspace || !slices.Equal(got.Scopes, want.Scopes) ||
		got.Account != want.Account || got.Organization != want.Organization || got.DefaultWorkspace != want.DefaultWorkspace || !got.Expires.Equal(noon.Add(90*24*time.Hour)) {
		t.Errorf("Check = %+v, %v; want %+v", got, err, want)
	}
}

func TestAKeyOfAnotherServerIsUnknown(t *testing.T) {
	t.Parallel()
	pool := database(t)
	here, there := access.NewKeys(pool, nil), access.NewKeys(database(t), nil)
	text, r := create(t, there, access.Wish{Scopes: []access.Scope{access.Read}})
	if _, err := here.Check(t.Context(), text); !errors.Is(err, access.ErrUnknown) {
		t.Errorf("Check = %v, want ErrUnknown", err)
	}
	// The same id with another secret is just as unknown.
	_, err := pool.Exec(t.Context(), `INSERT INTO log.api_keys (id, kind, hash, name, scopes, account, organization, default_workspace, created_at, created_by)
		VALUES ($1, 'sa', sha256('x'), '', '{admin}', $2, 'personal', 'default', now(), 'system')`, r.ID, owner.Account)
	if err != nil {
		t.Fatal(err)
	}
	fresh := access.NewKeys(pool, nil)
	if _, err := fresh.Check(t.Context(), text); !errors.Is(err, access.ErrUnknown) {
		t.Errorf("Check of a guessed id = %v, want ErrUnknown", err)
	}
}

var ci = &access.ServiceAccount{ID: robot, Organization: "acme", DefaultWorkspace: "acme-default"}

func TestLifeOfAKey(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	for name, tt := range map[string]struct {
		wish access.Wish
		end  time.Duration // 0: none
	}{
		"a service account's has no end":      {access.Wish{Scopes: []access.Scope{access.Read}, For: ci}, 0},
		"nor has its ingest key":              {access.Wish{Scopes: []access.Scope{access.IngestOnly}, For: ci}, 0},
		"unless one is asked for":             {access.Wish{Scopes: []access.Scope{access.Read}, For: ci, Life: 5 * day}, 5 * day},
		"a person's has 90 days":              {access.Wish{Kind: access.Personal, Scopes: []access.Scope{access.Read}}, 90 * day},
		"so has a person's ingest key":        {access.Wish{Scopes: []access.Scope{access.IngestOnly}}, 90 * day},
		"as long as it was asked":             {access.Wish{Scopes: []access.Scope{access.Read}, Life: 10 * day}, 10 * day},
		"as long as a person may have at all": {access.Wish{Scopes: []access.Scope{access.Read}, Life: 366 * day}, 366 * day},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := newClock()
			keys := access.NewKeys(database(t), clock.now)
			text, _ := create(t, keys, tt.wish)
			if tt.end == 0 {
				clock.set(noon.AddDate(50, 0, 0))
				if _, err := keys.Check(t.Context(), text); err != nil {
					t.Errorf("after 50 years: %v", err)
				}
				return
			}
			clock.set(noon.Add(tt.end - time.Second))
			if _, err := keys.Check(t.Context(), text); err != nil {
				t.Errorf("a second before its end: %v", err)
			}
			ending, err := keys.Ending(t.Context())
			if err != nil || len(ending) != 1 {
				t.Errorf("Ending = %v, %v; want the key", ending, err)
			}
			clock.set(noon.Add(tt.end))
			if _, err := keys.Check(t.Context(), text); !errors.Is(err, access.ErrExpired) {
				t.Errorf("at its end: %v, want ErrExpired", err)
			}
		})
	}
}

func TestWishesThatAreRefused(t *testing.T) {
	t.Parallel()
	keys := access.NewKeys(database(t), nil)
	read := []access.Scope{access.Read}
	bound := owner
	bound.Workspace = "fraud"
	reader := owner
	reader.Scopes = read
	token := bound
	token.Run = &domain.RunRef{ID: "r1"}
	for name, tt := range map[string]struct {
		owner access.Principal
		wish  access.Wish
		code  string
	}{
		"no scope":                        {owner, access.Wish{}, "required"},
		"unknown scope":                   {owner, access.Wish{Scopes: []access.Scope{"root"}}, "invalid"},
		"unknown kind":                    {owner, access.Wish{Kind: "x", Scopes: read}, "invalid"},
		"a person's of kind sa":           {owner, access.Wish{Kind: access.Service, Scopes: read}, "invalid"},
		"a service account's of kind pat": {owner, access.Wish{Kind: access.Personal, Scopes: read, For: ci}, "invalid"},
		"the token of no run":             {owner, access.Wish{Kind: access.Run, Scopes: read}, "invalid"},
		"a service account's for longer":  {owner, access.Wish{Scopes: read, For: ci, Life: 367 * 24 * time.Hour}, "invalid"},
		"a name with a NUL":               {owner, access.Wish{Scopes: read, Name: "a\x00b"}, "invalid"},
		"by the token of a run":           {token, access.Wish{Scopes: read, Workspace: "fraud"}, "scope_missing"},
		"an ingest key that reads":        {owner, access.Wish{Kind: access.Ingest, Scopes: read}, "invalid"},
		"more than a year":                {owner, access.Wish{Scopes: read, Life: 400 * 24 * time.Hour}, "invalid"},
		"no slug":                         {owner, access.Wish{Scopes: read, Workspace: "Fraud!"}, "invalid"},
		"more than its maker has":         {reader, access.Wish{Scopes: []access.Scope{access.Write}}, "scope_missing"},
		"wider than its maker's":          {bound, access.Wish{Scopes: read}, "scope_missing"},
		"for another workspace than ours": {bound, access.Wish{Scopes: read, Workspace: "ranking"}, "scope_missing"},
	} {
		_, _, err := keys.Create(t.Context(), tt.owner, tt.wish)
		var rule *domain.Error
		var no *access.Refusal
		if !(errors.As(err, &rule) && string(rule.Code) == tt.code) && !(errors.As(err, &no) && no.Code == tt.code) {
			t.Errorf("%s: %v, want code %s", name, err, tt.code)
		}
	}
}

func TestRevoking(t *testing.T) {
	t.Parallel()
	pool := database(t)
	here, there := access.NewKeys(pool, nil), access.NewKeys(pool, nil)
	text, r := create(t, here, access.Wish{Scopes: []access.Scope{access.Read}, Workspace: "fraud"})
	for _, keys := range []*access.Keys{here, there} {
		if _, err := keys.Check(t.Context(), text); err != nil {
			t.Fatalf("before: %v", err)
		}
	}
	stranger := owner
	stranger.Workspace = "ranking"
	if _, err := here.Revoke(t.Context(), stranger, r.ID); !errors.Is(err, access.ErrNoKey) {
		t.Errorf("a stranger's Revoke = %v, want ErrNoKey", err)
	}

	if _, err := here.Revoke(t.Context(), owner, r.ID); err != nil {
		t.Fatalf("Revoke: %v", err)
	}
	began := time.Now()
	if _, err := here.Check(t.Context(), text); !errors.Is(err, access.ErrRevoked) {
		t.Errorf("where it was revoked: %v, want ErrRevoked", err)
	}
	for !errors.Is(func() error { _, err := there.Check(t.Context(), text); return err }(), access.ErrRevoked) {
		if time.Since(began) > time.Second {
			t.Fatal("another server still takes the key after a second")
		}
	}
	t.Logf("the other server refused it after %v", time.Since(began))
	again, err := here.Revoke(t.Context(), owner, r.ID)
	if err != nil || again.RevokedAt == nil {
		t.Errorf("Revoke again = %+v, %v", again, err)
	}
	live, total, err := here.List(t.Context(), access.KeyFilter{First: 10})
	if err != nil || len(live) != 0 || total != 0 {
		t.Errorf("List = %v, %d, %v; want none", live, total, err)
	}
	if all, total, err := here.List(t.Context(), access.KeyFilter{Ended: true, First: 10}); err != nil || len(all) != 1 || total != 1 {
		t.Errorf("List with ended = %v, %d, %v; want one", all, total, err)
	}
}

// counting counts the statements that keys cost.
type counting struct {
	access.DB
	queries, execs atomic.Int64
}

func (c *counting) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	c.queries.Add(1)
	return c.DB.Query(ctx, sql, args...)
}

func (c *counting) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	c.execs.Add(1)
	return c.DB.Exec(ctx, sql, args...)
}

func TestManyRequestsCostOneLookUpAndOneWrite(t *testing.T) {
	t.Parallel()
	db := &counting{DB: database(t)}
	keys := access.NewKeys(db, newClock().now)
	text, r := create(t, keys, access.Wish{Scopes: []access.Scope{access.Read}})
	db.execs.Store(0)
	began := time.Now()
	for range 10_000 {
		if _, err := keys.Check(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	if most := 2 + int64(time.Since(began)/(15*time.Millisecond)); db.queries.Load() > most || db.execs.Load() != 0 {
		t.Errorf("%d look-ups and %d writes, want at most %d and none", db.queries.Load(), db.execs.Load(), most)
	}
	if err := keys.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	list, _, err := keys.List(t.Context(), access.KeyFilter{First: 10})
	if err != nil || len(list) != 1 || list[0].ID != r.ID || list[0].LastUsedAt == nil || !list[0].LastUsedAt.Equal(noon) || db.execs.Load() != 1 {
		t.Errorf("List = %+v, %v after %d writes; want last used at noon by one", list, err, db.execs.Load())
	}
}

func TestADatabaseThatIsAwayIsNoRefusal(t *testing.T) {
	t.Parallel()
	pool := database(t)
	keys := access.NewKeys(pool, nil)
	text, _ := create(t, keys, access.Wish{Scopes: []access.Scope{access.Read}})
	away, err := pgxpool.New(t.Context(), pool.Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	away.Close()
	_, err = access.NewKeys(away, nil).Check(t.Context(), text)
	var unavailable *access.UnavailableError
	if !errors.As(err, &unavailable) {
		t.Fatalf("Check = %v, want UnavailableError", err)
	}
	w := httptest.NewRecorder()
	access.Refuse(w, err)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "1" {
		t.Errorf("answered %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
}

func TestTheFirstKeyIsAdopted(t *testing.T) {
	t.Parallel()
	keys := access.NewKeys(database(t), nil)
	if has, err := keys.HasAdmin(t.Context(), owner.Account); err != nil || has {
		t.Fatalf("HasAdmin = %v, %v; want false", has, err)
	}
	text, _, err := access.Mint(access.Personal, randomReader{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Adopt(t.Context(), owner, access.Wish{Name: "first", Scopes: []access.Scope{access.Admin}}, text); err != nil {
		t.Fatal(err)
	}
	p, err := keys.Check(t.Context(), text)
	if has, herr := keys.HasAdmin(t.Context(), owner.Account); err != nil || herr != nil || !has || !p.IsAdmin() {
		t.Errorf("Check = %+v, %v; HasAdmin = %v, %v", p, err, has, herr)
	}
}
