package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The soak asks a server for what belongs to others, over and over and each time otherwise, and looks for it in every
// byte that comes back. What belongs to a workspace holds a word that nothing else holds, its canary.
//
//	go test ./cmd/annals -run TestSoak -soak.requests 50000   what CI does
//	make soak                                                 a million
//
// A request is made of the seed and its number alone: `-soak.seed S -soak.from N` goes on, or does one again.
var (
	soakRequests = flag.Int("soak.requests", 1000, "how many `requests` the soak sends")
	soakSeed     = flag.Uint64("soak.seed", 0, "`seed` of the soak; 0: another one each time")
	soakFrom     = flag.Int("soak.from", 0, "`number` of the first request of the soak")
)

// soakWorkers is how many requests are under way at once.
const soakWorkers = 8

// A finding is a foreign byte, or a foreign thing that answers otherwise than a missing one.
type finding struct {
	number int
	what   string
	asked  request
	got    string
}

func (f finding) String() string {
	return fmt.Sprintf("request %d: %s\nas %s: %s %s\n%s\nanswers\n%s", f.number, f.what, f.asked.as.name, f.asked.method, f.asked.path, f.asked.body, f.got)
}

// mostFindings are told; the soak ends when it has so many.
const mostFindings = 10

// TestSoak holds that nobody gets a byte of what they may not see, and that what they may not see answers like what
// never was, byte for byte. Where every check is switched off (-tags unchecked) it finds a great deal: that is the
// control of the test.
func TestSoak(t *testing.T) {
	t.Parallel()
	h := newSoak(t)
	seed := *soakSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("soak: seed %d, requests %d to %d", seed, *soakFrom, *soakFrom+*soakRequests-1)
	began := time.Now()
	var next, sent, twins, answered atomic.Int64
	next.Store(int64(*soakFrom))
	var mu sync.Mutex
	var found []finding
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var wg sync.WaitGroup
	for range soakWorkers {
		wg.Go(func() {
			for ctx.Err() == nil {
				number := int(next.Add(1) - 1)
				if number >= *soakFrom+*soakRequests {
					return
				}
				some, twin, good := h.try(t, seed, number)
				if n := sent.Add(1); n%10_000 == 0 {
					t.Logf("soak: %d requests in %s", n, time.Since(began).Round(time.Second))
				}
				if twin {
					twins.Add(1)
				}
				if good {
					answered.Add(1)
				}
				if len(some) > 0 {
					mu.Lock()
					if found = append(found, some...); len(found) >= mostFindings {
						stop()
					}
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	t.Logf("soak: %d requests in %s: %d compared with one for what never was, %d answered 2xx, %d findings", sent.Load(), time.Since(began).Round(time.Second), twins.Load(), answered.Load(), len(found))
	if soakFindsLeaks {
		if len(found) == 0 {
			t.Error("every check is switched off, and the soak finds nothing: it says nothing")
		}
		return
	}
	for i, f := range found {
		if i < mostFindings {
			t.Error(f)
		}
	}
	if int(sent.Load()) == *soakRequests && (twins.Load() < sent.Load()/4 || answered.Load() < sent.Load()/4) {
		t.Errorf("too little was asked for: %d of %d requests have a twin, %d were answered", twins.Load(), sent.Load(), answered.Load())
	}
}

// try sends one request and looks at the answer. A request that is about one foreign workspace alone is sent a second
// time, for one that never was.
func (h *soak) try(t *testing.T, seed uint64, number int) (found []finding, twin, good bool) {
	as := h.principals[number%len(h.principals)]
	g := &generator{soak: h, rng: rand.New(rand.NewPCG(seed, uint64(number))), as: as}
	target := h.places[g.rng.IntN(len(h.places))]
	alone := !as.sees[target.slug] && g.rng.IntN(4) > 0
	g.target, g.alone = target, alone
	r := g.request()
	status, body, header := h.send(t, r)
	text := answerText(status, body, header)
	for _, p := range h.places {
		if !as.sees[p.slug] && !strings.Contains(r.path+r.body, p.canary) && strings.Contains(text, p.canary) {
			found = append(found, finding{number, "the canary of " + p.slug + " was given out", r, text})
		}
	}
	for org, canary := range h.rosters {
		if !as.sees[canary] && strings.Contains(text, canary) {
			found = append(found, finding{number, "the canary of organization " + org + " was given out", r, text})
		}
	}
	if alone && g.comparable {
		g = &generator{soak: h, rng: rand.New(rand.NewPCG(seed, uint64(number))), as: as}
		_, _ = g.rng.IntN(len(h.places)), g.rng.IntN(4)
		g.target, g.alone = target.never(), true
		other := g.request()
		status, body, header := h.send(t, other)
		if missing := target.renamed(answerText(status, body, header)); missing != text {
			found = append(found, finding{number, "a foreign thing answers otherwise than a missing one:\n" + missing, r, text})
		}
		twin = true
	}
	return found, twin, status < 300
}

// answerText is all of an answer that a caller can see, but for the time and hashes of the rest.
func answerText(status int, body string, header http.Header) string {
	var b strings.Builder
	header = header.Clone()
	header.Del("Date")
	header.Del("Etag") // a hash of what is compared anyway, and of the name that was asked for
	fmt.Fprintln(&b, status)
	_ = header.Write(&b) // sorted
	b.WriteString("\n" + body)
	return b.String()
}
