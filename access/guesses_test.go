package access_test

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/annals-io/annals/access"
)

// limited is the door of a village with a limit, and how it answers a key from an address.
func limited(t *testing.T, perMinute int) (v *village, ask func(key, from string) *httptest.ResponseRecorder) {
	v = newVillage(t)
	v.mux.Limit(access.NewGuesses(perMinute, nil))
	return v, func(key, from string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", "/v1/keys", nil)
		if key != "" {
			r.Header.Set("Authorization", "Bearer "+key)
		}
		r.RemoteAddr = from
		w := httptest.NewRecorder()
		v.mux.ServeHTTP(w, r)
		return w
	}
}

// Given an address that came too often with keys that are none, every further one is answered alike, whatever is wrong with
// it; a good key, a request without a key and another address are served as ever.
func TestGuessingIsSlowedDown(t *testing.T) {
	t.Parallel()
	v, ask := limited(t, 10)
	good, _ := v.key(person(founder), access.Wish{Scopes: reads})
	revoked, r := v.key(person(founder), access.Wish{Scopes: reads})
	expired, _ := v.key(person(founder), access.Wish{Scopes: reads, Life: time.Minute})
	if _, err := v.keys.Revoke(t.Context(), person(founder), r.ID); err != nil {
		t.Fatal(err)
	}
	v.clock.set(noon.Add(time.Hour))
	unknown, _, err := access.Mint(access.Service, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	bad := map[string]string{"unknown": unknown, "cut": good[:len(good)-1], "nonsense": "x", "revoked": revoked, "expired": expired}
	const here, there = "192.0.2.7:4711", "192.0.2.8:4711"
	for range 10 {
		if w := ask(unknown, here); w.Code != http.StatusUnauthorized {
			t.Fatalf("the first ten: %d %s", w.Code, w.Body)
		}
	}
	bodies := map[string]bool{}
	for name, key := range bad {
		w := ask(key, here)
		if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "6" {
			t.Errorf("%s, too often: %d, Retry-After %q; want 429 and 6 s", name, w.Code, w.Header().Get("Retry-After"))
		}
		bodies[w.Body.String()] = true
	}
	if len(bodies) != 1 {
		t.Errorf("the answers differ: %v", bodies)
	}
	if w := ask(good, here); w.Code != http.StatusOK {
		t.Errorf("a good key from there: %d %s", w.Code, w.Body)
	}
	if w := ask("", here); w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), "key_missing") {
		t.Errorf("without a key: %d %s", w.Code, w.Body)
	}
	if w := ask(unknown, there); w.Code != http.StatusUnauthorized {
		t.Errorf("from another address: %d %s", w.Code, w.Body)
	}
}

// What an address has free comes back in time, up to what it had.
func TestGuessesComeBack(t *testing.T) {
	t.Parallel()
	clock := newClock()
	g := access.NewGuessesAt(60, nil, clock.now)
	r := httptest.NewRequest("GET", "/", nil)
	fail := func() (n int) {
		for g.Failed(r) == 0 {
			n++
		}
		return n
	}
	if n := fail(); n != 60 {
		t.Errorf("%d at once, want 60", n)
	}
	for _, tt := range []struct {
		after time.Duration
		want  int
	}{{time.Second, 1}, {5 * time.Second, 5}, {time.Hour, 60}} {
		clock.set(clock.now().Add(tt.after))
		if n := fail(); n != tt.want {
			t.Errorf("%d after %v, want %d", n, tt.after, tt.want)
		}
	}
}

// Whoever has an IPv6 address has 2^64 of them, and an IPv4 address may be written as one of IPv6.
func TestWhatCountsAsOneAddress(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		a, b string
		same bool
	}{
		"another port":        {"192.0.2.1:1", "192.0.2.1:2", true},
		"another address":     {"192.0.2.1:1", "192.0.2.2:1", false},
		"IPv4 in IPv6":        {"192.0.2.1:1", "[::ffff:192.0.2.1]:1", true},
		"the same IPv6 /64":   {"[2001:db8::1]:1", "[2001:db8::ffff:2]:2", true},
		"another IPv6 /64":    {"[2001:db8::1]:1", "[2001:db8:0:1::1]:1", false},
		"without a port":      {"192.0.2.1", "192.0.2.1:7", true},
		"IPv6 without a port": {"2001:db8::1", "[2001:db8::2]:7", true},
		"with a zone":         {"[fe80::1%eth0]:1", "[fe80::2%eth1]:1", true},
	} {
		g := access.NewGuesses(1, nil)
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = tt.a
		if g.Failed(r) != 0 {
			t.Fatalf("%s: the first failure waits", name)
		}
		r.RemoteAddr = tt.b
		if waits := g.Failed(r) > 0; waits != tt.same {
			t.Errorf("%s: counted together is %t, want %t", name, waits, tt.same)
		}
	}
}

// Addresses without number cost no more memory than so many: beyond them, new ones share what is free.
func TestManyAddressesCostLittle(t *testing.T) {
	t.Parallel()
	g := access.NewGuesses(5, func(r *http.Request) string { return r.RemoteAddr })
	r := httptest.NewRequest("GET", "/", nil)
	waited := 0
	for i := range 50_000 {
		r.RemoteAddr = fmt.Sprintf("10.%d.%d.%d:1", i>>16, i>>8&255, i&255)
		if g.Failed(r) > 0 {
			waited++
		}
	}
	if n := g.Known(); n > 20_001 || waited == 0 {
		t.Errorf("%d addresses are remembered and %d waited", n, waited)
	}
}

// Given a key in use, every text that is nearly it is refused, in whatever header it comes.
func TestKeysThatAreNearlyRight(t *testing.T) {
	t.Parallel()
	v := newVillage(t)
	text, _ := v.key(person(founder), access.Wish{Scopes: reads})
	headers := map[string]string{
		"padded by a NUL": "Bearer " + text + "\x00", "after a NUL": "Bearer \x00" + text, "after a tab": "Bearer \t" + text, "padded by =": "Bearer " + text + "=",
		"padded by no-break space": "Bearer " + text + "\u00a0", "after a zero width space": "Bearer \u200b" + text, "in quotes": `Bearer "` + text + `"`,
		"with a full-width digit": "Bearer " + strings.Replace(text, text[len(text)-1:], "\uff11", 1), "with a Kelvin sign": "Bearer " + strings.Replace(text, "a", "\u212a", 1),
		"twice": "Bearer " + text + text, "two, with a comma": "Bearer " + text + ", Bearer " + text, "no scheme": text, "basic": "Basic " + text, "nothing": "Bearer ", "nothing at all": "",
		"upper case": "Bearer " + strings.ToUpper(text), "lower case": "Bearer " + strings.ToLower(text),
	}
	for i := range len(text) {
		headers["the first "+fmt.Sprint(i)] = "Bearer " + text[:i]
		flipped := []byte(text)
		flipped[i] ^= 0x20
		headers["case of "+fmt.Sprint(i)] = "Bearer " + string(flipped)
		if i > 0 {
			headers["without the first "+fmt.Sprint(i)] = "Bearer " + text[i:]
			headers["without the one at "+fmt.Sprint(i)] = "Bearer " + text[:i] + text[i+1:]
		}
		headers["two of the one at "+fmt.Sprint(i)] = "Bearer " + text[:i] + text[i:i+1] + text[i:]
	}
	for name, header := range headers {
		r := httptest.NewRequest("GET", "/v1/keys", nil)
		r.Header["Authorization"] = []string{header}
		w := httptest.NewRecorder()
		if v.mux.ServeHTTP(w, r); w.Code != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	for name, header := range map[string]string{"as it is": "Bearer " + text, "in another case of the scheme": "bEARER " + text, "after two blanks": "Bearer  " + text} {
		r := httptest.NewRequest("GET", "/v1/keys", nil)
		r.Header.Set("Authorization", header)
		w := httptest.NewRecorder()
		if v.mux.ServeHTTP(w, r); w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	r := httptest.NewRequest("GET", "/v1/keys", nil)
	r.Header["Authorization"] = []string{"Bearer " + text, "Bearer " + text}
	w := httptest.NewRecorder()
	if v.mux.ServeHTTP(w, r); w.Code != http.StatusUnauthorized {
		t.Errorf("two headers: %d", w.Code)
	}
}
