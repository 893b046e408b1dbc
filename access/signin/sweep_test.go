package signin_test

import (
	"testing"
	"time"

	"github.com/annals-io/annals/access/device"
	"github.com/annals-io/annals/access/oidc"
	"github.com/annals-io/annals/access/signin"
)

// What has expired is deleted, and nothing else.
func TestSweeping(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	other, err := oidc.New(h.pool, oidc.Config{Issuer: "https://id.example", ClientID: "annals", RedirectURL: "https://annals.example", Now: h.now})
	if err != nil {
		t.Fatal(err)
	}
	ann := h.person("ann")
	begin := func() {
		t.Helper()
		h.link(ann.ID)
		h.ask("client_id", "annals-cli")
		h.browser().post("/login", "login", "nobody", "password", "x")
		if _, err := h.pool.Exec(t.Context(), `INSERT INTO log.oidc_attempts (state, nonce, verifier, next, invitation, expires_at) VALUES (sha256($1::text::bytea), '', '', '', '', $2)`,
			h.now().String(), h.now().Add(oidc.Patience)); err != nil {
			t.Fatal(err)
		}
	}
	count := func() (n [4]int) {
		t.Helper()
		if err := h.pool.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM log.sign_in_links), (SELECT count(*) FROM log.device_grants), (SELECT count(*) FROM log.oidc_attempts),
			(SELECT count(*) FROM log.sign_in_limits)`).Scan(&n[0], &n[1], &n[2], &n[3]); err != nil {
			t.Fatal(err)
		}
		return n
	}
	begin()
	h.goOn(max(signin.LinkLife, device.Life+time.Hour, oidc.Patience) + time.Second)
	begin()
	h.door.OIDC = other // until here people signed in by passwords
	if err := h.door.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := count(); got != [4]int{1, 1, 1, 1} {
		t.Errorf("links, grants, attempts, counts: %v are left; want those of now", got)
	}
}
