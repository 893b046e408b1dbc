package signin_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"

	"github.com/annals-io/annals/access/account"
	"github.com/annals-io/annals/access/oidc"
	"github.com/annals-io/annals/access/signin"
	"github.com/annals-io/annals/domain"
)

// people are those whom a real provider knows, the example server of zitadel/oidc.
const (
	firstUser  = "test-user@127.0.0.1"
	secondUser = "test-user2"
	theirs     = "verysecure"
)

// newRealm starts a real provider, and a house whose people it signs in.
func newRealm(t *testing.T, change ...func(*oidc.Config)) *house {
	t.Helper()
	provider := httptest.NewUnstartedServer(nil)
	issuer := "http://" + provider.Listener.Addr().String()
	clients := map[string]*storage.Client{}
	provider.Config.Handler = exampleop.SetupServer(issuer, storage.NewStorageWithClients(storage.NewUserStore(issuer), clients), slog.New(slog.DiscardHandler), false)
	provider.Start()
	t.Cleanup(provider.Close)
	return newHouse(t, func(cfg *signin.Config) {
		back := cfg.Base + "/login/oidc/callback"
		clients["annals"] = storage.WebClient("annals", "a secret", back)
		settings := oidc.Config{Issuer: issuer, ClientID: "annals", ClientSecret: "a secret", RedirectURL: back, Label: "the Realm"}
		for _, f := range change {
			f(&settings)
		}
		other, err := oidc.New(cfg.DB, settings)
		if err != nil {
			t.Fatal(err)
		}
		cfg.OIDC = other
	})
}

var hiddenID = regexp.MustCompile(`name="id" value="([^"]+)"`)

// there fills in the form of the provider, from the page where a browser has arrived.
func (b *browser) there(arrived answer, issuer, user string) answer {
	b.h.t.Helper()
	found := hiddenID.FindStringSubmatch(arrived.body)
	if arrived.at != "/login/username" || found == nil {
		b.h.t.Fatalf("the browser is not at the provider: %+v", arrived)
	}
	resp, err := b.client.PostForm(issuer+"/login/username", url.Values{"id": {found[1]}, "username": {user}, "password": {theirs}})
	if err != nil {
		b.h.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.h.t.Fatal(err)
	}
	return answer{resp.StatusCode, string(text), resp.Header, resp.Request.URL.Path}
}

func (b *browser) signInThere(user string) answer {
	b.h.t.Helper()
	return b.there(b.get("/login/oidc?next=/login"), b.h.door.OIDC.Issuer(), user)
}

// With a real provider: whoever comes for the first time has an account from then on, known by issuer and subject.
func TestSigningInElsewhere(t *testing.T) {
	t.Parallel()
	h := newRealm(t)
	b := h.browser()
	if got := b.get("/login"); !strings.Contains(got.body, "Sign in with the Realm") || strings.Contains(got.body, `type="password"`) {
		t.Errorf("the page: %s", got.body)
	}
	if got := b.signInThere(firstUser); got.status != 200 || got.at != "/login" || !strings.Contains(got.body, "Signed in as Test User") {
		t.Fatalf("the first time: %+v", got)
	}
	again := h.browser()
	if got := again.signInThere(firstUser); got.status != 200 || !again.signedIn() {
		t.Fatalf("the second time: %+v", got)
	}
	other := h.browser()
	other.signInThere(secondUser)
	all, err := h.accounts.List(t.Context(), 10)
	if len(all) == 2 && all[1].Email != nil && *all[1].Email == "test-user@zitadel.ch" { // they came at the same moment of this clock
		slices.Reverse(all)
	}
	if err != nil || len(all) != 2 || all[0].Email == nil || *all[0].Email != "test-user@zitadel.ch" || all[0].Login != nil {
		t.Errorf("the accounts: %+v, %v", all, err)
	}
	if a, ok, err := h.accounts.ByIdentity(t.Context(), h.door.OIDC.Issuer(), "id1"); err != nil || !ok || a.ID != all[0].ID {
		t.Errorf("by identity: %+v, %v, %v", a, ok, err)
	}
	// Passwords are off, and so is whatever began by one.
	for path, fields := range map[string][]string{"/login": {"login", "ann", "password", password}, "/login/password": {"password", password}} {
		if got := again.post(path, fields...); got.status != 409 {
			t.Errorf("%s: %+v", path, got)
		}
	}
	if err := h.accounts.Disable(t.Context(), all[0].ID, account.Verdict{By: domain.Actor{Kind: "system", ID: "test"}}); err != nil {
		t.Fatal(err)
	}
	h.door.Sessions.Forget()
	if again.signedIn() || !other.signedIn() {
		t.Error("disabled, and still there; or another is not")
	}
	if got := h.browser().signInThere(firstUser); got.status != 403 {
		t.Errorf("disabled, and back: %+v", got)
	}
}

// The answer of the provider is worth nothing in another browser, nor a second time.
func TestAnAnswerBelongsToItsBrowser(t *testing.T) {
	t.Parallel()
	h := newRealm(t)
	b, thief := h.browser(), h.browser()
	var back string
	b.client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.Path, "/login/oidc/callback") {
			back = r.URL.String()
			return http.ErrUseLastResponse
		}
		return nil
	}
	b.signInThere(firstUser)
	if back == "" {
		t.Fatal("the provider did not send the browser back")
	}
	if got := thief.get(back); got.status != 400 || thief.signedIn() {
		t.Errorf("in another browser: %+v", got)
	}
	if got := b.get(back); got.status != 200 || !b.signedIn() {
		t.Errorf("in its own: %+v", got)
	}
	if got := b.get(back); got.status != 400 {
		t.Errorf("a second time: %+v", got)
	}
}

// Whoever came by a link links the account with an identity, and signs in by that from then on; one of another's is refused.
func TestLinkingAnIdentity(t *testing.T) {
	t.Parallel()
	h := newRealm(t)
	owner := uuid.New()
	if err := h.accounts.Adopt(t.Context(), owner, "Owner", "personal", "default"); err != nil {
		t.Fatal(err)
	}
	h.operator = owner
	b := h.browser()
	if got := b.post("/login/link", "token", secret(h.link(owner))); got.status != 200 || !strings.Contains(got.body, "Link with the Realm") {
		t.Fatalf("the link: %+v", got)
	}
	if got := b.there(b.post("/login/oidc"), h.door.OIDC.Issuer(), firstUser); got.status == 200 {
		t.Errorf("linked before the account has a stream: %+v", got)
	}
	registered, err := h.accounts.Register(t.Context(), accountWish("Ann"), nil)
	if err != nil {
		t.Fatal(err)
	}
	b = h.browser()
	b.post("/login/link", "token", secret(h.link(registered.ID)))
	if got := b.there(b.post("/login/oidc"), h.door.OIDC.Issuer(), secondUser); got.status != 200 || !strings.Contains(got.body, h.door.OIDC.Issuer()+", since") {
		t.Fatalf("linking: %+v", got)
	}
	c := h.browser()
	if got := c.signInThere(secondUser); got.status != 200 || !strings.Contains(got.body, "Signed in as Ann") {
		t.Errorf("by the identity: %+v", got)
	}
	another, err := h.accounts.Register(t.Context(), accountWish("Bob"), nil)
	if err != nil {
		t.Fatal(err)
	}
	b = h.browser()
	b.post("/login/link", "token", secret(h.link(another.ID)))
	if got := b.there(b.post("/login/oidc"), h.door.OIDC.Issuer(), secondUser); got.status != 409 {
		t.Errorf("another's identity: %+v", got)
	}
}

// Only those of some domains are let in, and then nobody else has an account.
func TestOnlySomeDomains(t *testing.T) {
	t.Parallel()
	h := newRealm(t, func(cfg *oidc.Config) { cfg.Domains = []string{"elsewhere.example"} })
	if got := h.browser().signInThere(firstUser); got.status != 403 {
		t.Errorf("of another domain: %+v", got)
	}
	if all, err := h.accounts.List(context.Background(), 10); err != nil || len(all) != 0 {
		t.Errorf("the accounts: %+v, %v", all, err)
	}
}

// A provider that does not answer is told of, and nothing else is broken.
func TestAProviderThatIsAway(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(cfg *signin.Config) {
		other, err := oidc.New(cfg.DB, oidc.Config{Issuer: "http://127.0.0.1:1", ClientID: "annals", RedirectURL: cfg.Base + "/login/oidc/callback"})
		if err != nil {
			t.Fatal(err)
		}
		cfg.OIDC = other
	})
	got := h.browser().get("/login/oidc")
	if got.status != 503 || got.header.Get("Retry-After") == "" || strings.Contains(got.body, "127.0.0.1:1") {
		t.Errorf("away: %+v", got)
	}
}
