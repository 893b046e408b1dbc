package signin_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/account"
	"github.com/annals-io/annals/access/device"
)

// asked is a grant as a program sees it.
type asked struct {
	Device   string `json:"device_code"`
	User     string `json:"user_code"`
	Page     string `json:"verification_uri"`
	Whole    string `json:"verification_uri_complete"`
	Expires  int    `json:"expires_in"`
	Interval int    `json:"interval"`
}

func (h *house) ask(fields ...string) (asked, answer) {
	h.t.Helper()
	got := h.browser().post("/oauth/device_authorization", fields...)
	var a asked
	if err := json.Unmarshal([]byte(got.body), &a); err != nil {
		h.t.Fatal(err)
	}
	return a, got
}

// redeem asks for the key; code is the refusal in the words of the RFC.
func (h *house) redeem(deviceCode string) (key, code string) {
	return h.redeemAs("annals-cli", deviceCode)
}

func (h *house) redeemAs(client, deviceCode string) (key, code string) {
	h.t.Helper()
	got := h.browser().post("/oauth/token", "grant_type", "urn:ietf:params:oauth:grant-type:device_code", "device_code", deviceCode, "client_id", client)
	var said struct {
		Token string `json:"access_token"`
		Error string `json:"error"`
	}
	if err := json.Unmarshal([]byte(got.body), &said); err != nil || got.header.Get("Cache-Control") != "no-store" || (got.status == 200) != (said.Error == "") {
		h.t.Fatalf("%v %+v", err, got)
	}
	return said.Token, said.Error
}

// A client of the standard finds its way by the server's address alone.
func TestAnyClientOfTheStandard(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ann := h.person("ann")
	var places struct {
		Device string `json:"device_authorization_endpoint"`
		Token  string `json:"token_endpoint"`
	}
	if err := json.Unmarshal([]byte(h.browser().get("/.well-known/oauth-authorization-server").body), &places); err != nil {
		t.Fatal(err)
	}
	config := &oauth2.Config{ClientID: "some-tool", Scopes: []string{"read"}, Endpoint: oauth2.Endpoint{DeviceAuthURL: places.Device, TokenURL: places.Token, AuthStyle: oauth2.AuthStyleInParams}}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	grant, err := config.DeviceAuth(ctx)
	if err != nil {
		t.Fatal(err)
	}
	b := h.browser()
	b.post("/login", "login", "ann", "password", password)
	if got := b.get(strings.TrimPrefix(grant.VerificationURIComplete, h.url)); got.status != 200 || !strings.Contains(got.body, grant.UserCode) {
		t.Fatalf("the page: %+v", got)
	}
	if got := b.post("/device", "user_code", grant.UserCode, "decision", "approve"); got.status != 200 {
		t.Fatalf("approve: %+v", got)
	}
	token, err := config.DeviceAccessToken(ctx, grant)
	if err != nil {
		t.Fatal(err)
	}
	p, err := h.keys.Check(t.Context(), token.AccessToken)
	if err != nil || p.Account != ann.ID || p.Kind != access.Personal || len(p.Scopes) != 1 || p.Scopes[0] != access.Read || p.Expires.IsZero() || p.Name != "some-tool" {
		t.Errorf("the key: %+v, %v", p, err)
	}
	if _, err := config.DeviceAccessToken(ctx, grant); !strings.Contains(errorText(err), "invalid_grant") {
		t.Errorf("a second time: %v", err)
	}
}

func errorText(err error) string {
	var e *oauth2.RetrieveError
	if errors.As(err, &e) {
		return e.ErrorCode
	}
	return ""
}

// What a program is told before, between and after, in the words of the RFC.
func TestWhatAProgramIsTold(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.person("ann")
	b := h.browser()
	b.post("/login", "login", "ann", "password", password)
	grant, got := h.ask("client_id", "annals-cli", "device_name", "laptop", "scope", "write")
	if got.status != 200 || grant.Interval != 5 || grant.Expires != 600 || grant.Page != h.url+"/device" || grant.Whole != grant.Page+"?user_code="+grant.User ||
		len(grant.User) != 9 || strings.Trim(grant.User, "BCDFGHJKLMNPQRSTVWXZ-") != "" {
		t.Fatalf("asked: %+v", grant)
	}
	step := func(what, want string) {
		t.Helper()
		if key, code := h.redeem(grant.Device); code != want || (key != "") != (want == "") {
			t.Errorf("%s: %q %q, want %q", what, key, code, want)
		}
	}
	step("at once", "authorization_pending")
	step("again at once", "slow_down")
	h.goOn(5 * time.Second)
	step("after five seconds, and it takes ten now", "slow_down")
	h.goOn(15 * time.Second)
	step("after fifteen", "authorization_pending")
	for what, path := range map[string]string{"seen": "/device?user_code=" + grant.User, "elsewhere": "/login"} {
		b.get(path)
		h.goOn(time.Minute)
		step(what, "authorization_pending")
	}
	b.post("/device", "user_code", grant.User) // looked at is not approved
	h.goOn(time.Minute)
	step("looked at", "authorization_pending")
	b.post("/device", "user_code", grant.User, "decision", "yes") // neither is nonsense
	h.goOn(time.Minute)
	step("nonsense", "authorization_pending")
	b.post("/device", "user_code", grant.User, "decision", "approve")
	if got := b.post("/device", "user_code", grant.User, "decision", "deny"); got.status != 404 {
		t.Errorf("decided a second time: %+v", got)
	}
	step("approved", "")
	step("replayed", "invalid_grant")

	grant, _ = h.ask("client_id", "annals-cli")
	b.post("/device", "user_code", grant.User, "decision", "deny")
	step("denied", "access_denied")
	step("denied, again", "invalid_grant")

	grant, _ = h.ask("client_id", "annals-cli")
	h.goOn(device.Life)
	if got := b.post("/device", "user_code", grant.User, "decision", "approve"); got.status != 404 {
		t.Errorf("approved after ten minutes: %+v", got)
	}
	step("after ten minutes", "expired_token")
	grant.Device = strings.Repeat("A", 43)
	step("made up", "invalid_grant")

	for name, tt := range map[string]struct {
		path   string
		fields []string
		code   string
	}{
		"no client":               {"/oauth/device_authorization", nil, "invalid_request"},
		"a client with an escape": {"/oauth/device_authorization", []string{"client_id", "a\x1b[2Jb"}, "invalid_request"},
		"a long client":           {"/oauth/device_authorization", []string{"client_id", strings.Repeat("a", 101)}, "invalid_request"},
		"no scope of ours":        {"/oauth/device_authorization", []string{"client_id", "c", "scope", "root"}, "invalid_scope"},
		"no workspace":            {"/oauth/device_authorization", []string{"client_id", "c", "workspace", "NO!"}, "invalid_request"},
		"no grant":                {"/oauth/token", nil, "invalid_request"},
		"another grant":           {"/oauth/token", []string{"grant_type", "password"}, "unsupported_grant_type"},
		"no code":                 {"/oauth/token", []string{"grant_type", "urn:ietf:params:oauth:grant-type:device_code", "client_id", "c"}, "invalid_request"},
	} {
		if got := h.browser().post(tt.path, tt.fields...); got.status != 400 || !strings.Contains(got.body, `"error":"`+tt.code+`"`) {
			t.Errorf("%s: %+v, want %s", name, got, tt.code)
		}
	}
	if got := h.browser().do("POST", "/oauth/token", "application/x-www-form-urlencoded", "client_id=a&client_id=b"); !strings.Contains(got.body, "invalid_request") {
		t.Errorf("twice: %+v", got)
	}
}

// A code is no other program's, an approval makes one key, and a disabled person's makes none.
func TestAGrantIsGoodOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ann := h.person("ann")
	b := h.browser()
	b.post("/login", "login", "ann", "password", password)
	grant, _ := h.ask("client_id", "annals-cli")
	b.post("/device", "user_code", grant.User, "decision", "approve")
	if got := h.browser().post("/oauth/token", "grant_type", "urn:ietf:params:oauth:grant-type:device_code", "device_code", grant.Device, "client_id", "another"); !strings.Contains(got.body, "invalid_grant") {
		t.Errorf("another program: %+v", got)
	}
	var wait sync.WaitGroup
	var made atomic.Int64
	for i := range 100 {
		wait.Go(func() {
			c := h.browser()
			c.address = strconv.Itoa(i)
			got := c.post("/oauth/token", "grant_type", "urn:ietf:params:oauth:grant-type:device_code", "device_code", grant.Device, "client_id", "annals-cli")
			if got.status == 200 {
				made.Add(1)
			} else if !strings.Contains(got.body, "invalid_grant") {
				t.Errorf("%+v", got)
			}
		})
	}
	wait.Wait()
	if made.Load() != 1 {
		t.Errorf("%d keys were made", made.Load())
	}
	grant, _ = h.ask("client_id", "annals-cli")
	b.post("/device", "user_code", grant.User, "decision", "approve")
	if err := h.accounts.Disable(t.Context(), ann.ID, account.Verdict{By: account.Self(ann.ID)}); err != nil {
		t.Fatal(err)
	}
	if key, code := h.redeem(grant.Device); key != "" || code != "invalid_grant" {
		t.Errorf("disabled meanwhile: %q %q", key, code)
	}
}

// Who guesses codes is stopped after five, on all servers together; and nobody decides who is not signed in.
func TestGuessingCodes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.person("ann")
	beside := openHouse(t, h.pool, h.clock)
	grant, _ := h.ask("client_id", "annals-cli")
	if got := h.browser().post("/device", "user_code", grant.User, "decision", "approve"); got.at != "/login" {
		t.Errorf("a stranger: %+v", got)
	}
	if got := h.browser().json(http.MethodPost, "/device", map[string]string{"user_code": grant.User, "decision": "approve"}); got.status != 401 {
		t.Errorf("a stranger's program: %+v", got)
	}
	for try := range 7 {
		at := h
		if try%2 == 1 {
			at = beside
		}
		b := at.browser()
		b.post("/login", "login", "ann", "password", password)
		got := b.post("/device", "user_code", "BCDF-GHJ"+string("KLMNPQR"[try]), "decision", "approve")
		if want := map[bool]int{true: 404, false: 429}[try < 5]; got.status != want {
			t.Errorf("try %d: %d, want %d", try, got.status, want)
		}
	}
	b := h.browser()
	b.post("/login", "login", "ann", "password", password)
	h.goOn(2 * time.Minute)
	for _, typed := range []string{strings.ToLower(grant.User), strings.ReplaceAll(grant.User, "-", ""), " " + strings.ReplaceAll(grant.User, "-", " ") + " "} {
		if got := b.post("/device", "user_code", typed); got.status != 200 || !strings.Contains(got.body, grant.User) {
			t.Errorf("%q: %+v", typed, got)
		}
	}
}

// The page says who asks, from where, for what; what the program says of itself is text and no more.
func TestThePageOfAProgram(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.person("ann")
	b := h.browser()
	b.post("/login", "login", "ann", "password", password)
	grant, _ := h.ask("client_id", "<b>evil</b>", "device_name", "laptop & co", "scope", "ingest read", "workspace", "fraud-models")
	page := b.post("/device", "user_code", grant.User)
	for _, word := range []string{"&lt;b&gt;evil&lt;/b&gt;", "laptop &amp; co", "192.0.2.1", "send events in", "look at everything you may see", h.url + ", workspace fraud-models", "ANN", grant.User, `value="approve"`, `value="deny"`} {
		if !strings.Contains(page.body, word) {
			t.Errorf("the page does not say %q: %s", word, page.body)
		}
	}
	if got := h.browser().get("/device?user_code=" + grant.User); got.at != "/login" || !strings.Contains(got.body, url.PathEscape("/device?user_code=")[3:9]) {
		t.Errorf("a stranger is asked to sign in: %+v", got)
	}
	b.post("/device", "user_code", grant.User, "decision", "approve")
	key, _ := h.redeemAs("<b>evil</b>", grant.Device)
	if p, err := h.keys.Check(t.Context(), key); err != nil || p.Workspace != "fraud-models" || p.Has(access.Write) || !p.Has(access.IngestOnly) {
		t.Errorf("the key: %+v, %v", p, err)
	}
}
