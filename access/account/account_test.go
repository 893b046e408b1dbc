package account_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/account"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/memory"
	"github.com/annals-io/annals/internal/pgtest"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// sealer turns names around, so that a test can tell a sealed one.
type sealer struct{}

func (sealer) Seal(subject, value string) (domain.Personal, error) {
	b := []byte(value)
	for i := range b {
		b[i] ^= 0x55
	}
	return domain.Personal{Subject: subject, Sealed: b}, nil
}

// town is a place where people register.
type town struct {
	*account.Accounts
	t    *testing.T
	pool *pgxpool.Pool
	log  *memory.Store
	now  time.Time
	away atomic.Bool // no organization can be made
	made sync.Map    // personal organizations, by account
}

func newTown(t *testing.T, change ...func(*account.Config)) *town {
	t.Helper()
	url := pgtest.URL(t)
	if err := access.Migrate(t.Context(), url, ""); err != nil {
		t.Fatal(err)
	}
	w := &town{t: t, pool: pgtest.Connect(t, url), log: memory.New(), now: noon}
	commands := eventstore.New(w.log, eventstore.Config{})
	t.Cleanup(func() { _ = commands.Close(context.Background()) })
	cfg := account.Config{
		DB: w.pool, Commands: commands, Sealer: sealer{}, Now: func() time.Time { return w.now },
		Personal: func(_ context.Context, id uuid.UUID, name string) (domain.Slug, domain.Slug, error) {
			if w.away.Load() {
				return "", "", errors.New("the log is away")
			}
			if name == "" {
				name = "user-" + id.String()[:8]
			}
			w.made.Store(id, name)
			return domain.Slug(name), domain.DefaultSlug(domain.Slug(name)), nil
		},
	}
	for _, c := range change {
		c(&cfg)
	}
	w.Accounts = account.New(cfg)
	return w
}

// events are the types of what is in an account's stream.
func (w *town) events(id uuid.UUID) (types []string) {
	w.t.Helper()
	page, err := w.log.ReadStream(w.t.Context(), domain.AccountStream(id), 0, eventstore.Forward, 100)
	var none *eventstore.NotFoundError
	if err != nil && !errors.As(err, &none) {
		w.t.Fatal(err)
	}
	for _, e := range page.Events {
		types = append(types, e.Type)
	}
	return types
}

func (w *town) register(wish account.Wish) account.Account {
	w.t.Helper()
	a, err := w.Register(w.t.Context(), wish, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func wantCode(t *testing.T, what string, err error, code domain.Code) {
	t.Helper()
	if !errors.Is(err, code) {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

func TestRegistering(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	a := w.register(account.Wish{Login: "ann@example.org", Name: " Ann ", Password: "phc", Email: "ann@example.org"})
	if a.Name != "Ann" || a.State != "active" || a.Organization != "user-"+a.ID.String()[:8] || a.DefaultWorkspace != a.Organization+"-default" || !a.Active() {
		t.Errorf("registered: %+v", a)
	}
	if got := w.events(a.ID); fmt.Sprint(got) != "[account.registered]" {
		t.Errorf("events: %v", got)
	}
	if found, ok, err := w.ByLogin(t.Context(), "ann@example.org"); err != nil || !ok || found.ID != a.ID || *found.Password != "phc" {
		t.Errorf("ByLogin = %+v, %v, %v", found, ok, err)
	}
	_, err := w.Register(t.Context(), account.Wish{Login: "ann@example.org", Name: "Another"}, nil)
	wantCode(t, "the same name again", err, domain.AlreadyExists)
	for name, wish := range map[string]account.Wish{"no name": {Login: "x"}, "a control character": {Login: "x", Name: "a\nb"}, "no slug": {Login: "x", Name: "X", Slug: "NO SLUG"}} {
		if _, err := w.Register(t.Context(), wish, nil); err == nil {
			t.Errorf("%s: registered", name)
		}
	}
	if b := w.register(account.Wish{Login: "bob", Name: "Bob", Slug: "bobs-place"}); b.Organization != "bobs-place" {
		t.Errorf("asked for bobs-place: %+v", b)
	}
}

// What lets somebody in is used up once, and a name is not lost to who was not let in.
func TestOneInvitationMakesOneAccount(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	var used atomic.Int64
	errUsed := errors.New("it was used")
	use := func(context.Context, uuid.UUID) error {
		if used.Add(1) > 1 {
			return errUsed
		}
		return nil
	}
	var wait sync.WaitGroup
	var in, out atomic.Int64
	for i := range 100 {
		wait.Go(func() {
			_, err := w.Register(t.Context(), account.Wish{Login: fmt.Sprintf("p%d", i), Name: "P"}, use)
			switch {
			case err == nil:
				in.Add(1)
			case errors.Is(err, errUsed):
				out.Add(1)
			default:
				t.Errorf("Register: %v", err)
			}
		})
	}
	wait.Wait()
	all, err := w.List(t.Context(), 1000)
	if in.Load() != 1 || out.Load() != 99 || err != nil || len(all) != 1 {
		t.Errorf("%d let in, %d not, %d accounts, %v; want 1, 99, 1", in.Load(), out.Load(), len(all), err)
	}
	for i := range 100 { // every name but one is free again
		if _, err := w.Register(t.Context(), account.Wish{Login: fmt.Sprintf("p%d", i), Name: "P"}, nil); err != nil && *all[0].Login != fmt.Sprintf("p%d", i) {
			t.Errorf("p%d: %v", i, err)
		}
	}
}

// Of many who want one name at once, one has it, and nobody else's invitation is used up.
func TestOneNameIsOnePersons(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	var used, in atomic.Int64
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() {
			_, err := w.Register(t.Context(), account.Wish{Login: "ann", Name: "Ann"}, func(context.Context, uuid.UUID) error { used.Add(1); return nil })
			if err == nil {
				in.Add(1)
			} else {
				wantCode(t, "Register", err, domain.AlreadyExists)
			}
		})
	}
	wait.Wait()
	if in.Load() != 1 || used.Load() != 1 {
		t.Errorf("%d have the name, %d invitations were used; want 1 and 1", in.Load(), used.Load())
	}
}

// A registration that broke off behind the invitation is finished at the next sign-in.
func TestABrokenRegistrationIsFinished(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.away.Store(true)
	if _, err := w.Register(t.Context(), account.Wish{Login: "ann", Name: "Ann", Issuer: "https://id.example", Subject: "1"}, nil); err == nil {
		t.Fatal("registered without an organization")
	}
	a, ok, err := w.ByIdentity(t.Context(), "https://id.example", "1")
	if err != nil || !ok || a.State != "claimed" || !a.Active() {
		t.Fatalf("ByIdentity = %+v, %v, %v", a, ok, err)
	}
	w.away.Store(false)
	for range 2 { // the second time there is nothing to do
		if a, err = w.Finish(t.Context(), a); err != nil || a.State != "active" || a.Organization == "" {
			t.Fatalf("Finish = %+v, %v", a, err)
		}
	}
	if got := w.events(a.ID); fmt.Sprint(got) != "[account.registered account.identity_linked]" {
		t.Errorf("events: %v", got)
	}
}

// A name that was held and never used is free after a while, and not before.
func TestAnAbandonedNameIsFreeAgain(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	_, err := w.pool.Exec(t.Context(), `INSERT INTO log.accounts (account, login, name, state, created_at) VALUES (gen_random_uuid(), 'ann', 'x', 'reserved', $1)`, noon)
	if err != nil {
		t.Fatal(err)
	}
	w.now = noon.Add(9 * time.Minute)
	_, err = w.Register(t.Context(), account.Wish{Login: "ann", Name: "Ann"}, nil)
	wantCode(t, "after nine minutes", err, domain.AlreadyExists)
	w.now = noon.Add(11 * time.Minute)
	w.register(account.Wish{Login: "ann", Name: "Ann"})
}

func TestShuttingOut(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	a := w.register(account.Wish{Login: "ann", Name: "Ann"})
	open := func(sql string) (n int) {
		t.Helper()
		if err := w.pool.QueryRow(t.Context(), sql).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for _, sql := range []string{
		`INSERT INTO log.sessions (hash, id, account, method, address, agent, created_at, used_at) SELECT sha256('s'), 's', account, 'password', '', '', now(), now() FROM log.accounts`,
		`INSERT INTO log.sign_in_links (hash, account, created_at, created_by, expires_at) SELECT sha256('l'), account, now(), '', now() FROM log.accounts`,
		`INSERT INTO log.device_grants (hash, user_code, client, device, address, scopes, workspace, account, state, pause, created_at, expires_at)
			SELECT sha256('d'), 'BCDFGHJK', '', '', '', '{read}', '', account, 'approved', 5, now(), now() FROM log.accounts`,
	} {
		if _, err := w.pool.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	by := domain.Actor{Kind: "key", ID: "operator"}
	for range 2 {
		if err := w.Disable(t.Context(), a.ID, account.Verdict{By: by, Reason: "left"}); err != nil {
			t.Fatal(err)
		}
	}
	if got, _, _ := w.Find(t.Context(), a.ID); got.Active() {
		t.Error("a disabled account may sign in")
	}
	if s, l, d := open(`SELECT count(*) FROM log.sessions WHERE ended_at IS NULL`), open(`SELECT count(*) FROM log.sign_in_links`), open(`SELECT count(*) FROM log.device_grants`); s+l+d != 0 {
		t.Errorf("%d sessions, %d links, %d grants are left", s, l, d)
	}
	for range 2 {
		if err := w.Enable(t.Context(), a.ID, account.Verdict{By: by, Reason: "back"}); err != nil {
			t.Fatal(err)
		}
	}
	if got, _, _ := w.Find(t.Context(), a.ID); !got.Active() {
		t.Error("an enabled account may not sign in")
	}
	if got := w.events(a.ID); fmt.Sprint(got) != "[account.registered account.disabled account.enabled]" {
		t.Errorf("events: %v", got)
	}
	wantCode(t, "nobody disabled", w.Disable(t.Context(), uuid.New(), account.Verdict{By: by}), domain.NotFound)
	wantCode(t, "nobody enabled", w.Enable(t.Context(), uuid.New(), account.Verdict{By: by}), domain.NotFound)
}

// One identity is one account's, and what names a person is not in the log.
func TestIdentities(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	const issuer, subject = "https://id.example", "subject-that-names-her"
	a := w.register(account.Wish{Login: "ann@secret.example", Name: "Ann Canary", Email: "ann@secret.example"})
	b := w.register(account.Wish{Login: "bob", Name: "Bob"})
	for range 2 {
		if err := w.Link(t.Context(), a.ID, issuer, subject); err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, "another's identity", w.Link(t.Context(), b.ID, issuer, subject), domain.AlreadyExists)
	if got, ok, err := w.ByIdentity(t.Context(), issuer, subject); err != nil || !ok || got.ID != a.ID {
		t.Errorf("ByIdentity = %+v, %v, %v", got, ok, err)
	}
	if err := w.Rename(t.Context(), a.ID, "Ann Canary-Smith", account.Self(a.ID)); err != nil {
		t.Fatal(err)
	}
	if err := w.Unlink(t.Context(), a.ID, issuer, subject); err != nil {
		t.Fatal(err)
	}
	if _, ok, _ := w.ByIdentity(t.Context(), issuer, subject); ok {
		t.Error("an unlinked identity still signs in")
	}
	if err := w.Link(t.Context(), b.ID, issuer, subject); err != nil {
		t.Errorf("linked elsewhere after that: %v", err)
	}
	if got := w.events(a.ID); fmt.Sprint(got) != "[account.registered account.identity_linked account.renamed account.identity_unlinked]" {
		t.Errorf("events: %v", got)
	}
	page, err := w.log.ReadAll(t.Context(), eventstore.Position{}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range page.Events {
		for _, canary := range []string{"Canary", "secret.example", subject} {
			if bytes.Contains(e.Data, []byte(canary)) {
				t.Errorf("%s holds %q: %s", e.Type, canary, e.Data)
			}
		}
	}
	long, short := account.Identity{Issuer: "https://id.example", Subject: "/x1"}, account.Identity{Issuer: "https://id.example/x", Subject: "1"}
	if long.Digest() == short.Digest() {
		t.Error("two identities have one digest")
	}
}

func TestLoginNames(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"Ann@Example.org": "ann@example.org", " ann ": "ann", "ＡＮＮ": "ann", "Ångström": "ångström", "A\u030angstrom": "ångstrom",
		"": "", "two words": "", "a\x00b": "", "tab\t": "tab", "\u202eann": "", string(make([]byte, 300)): "",
	} {
		got, err := account.Login(typed)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("Login(%q) = %q, %v; want %q", typed, got, err, want)
		}
	}
}
