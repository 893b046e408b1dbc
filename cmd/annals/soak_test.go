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

	"github.com/annals-io/annals/internal/pgtest"
)

// The soak asks a server for what belongs to others, over and over and each time otherwise, and looks for it in every
// byte that comes back. What belongs to a workspace holds a word that nothing else holds, its canary.
//
//	go test ./cmd/annals -run TestSoak -soak.requests 50000   what CI does
//	make soak                                                 a million, and each wall alone
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
// never was, byte for byte.
//
// In a build in which the first wall lets everybody in (-tags unchecked) it tries the second one by itself: whatever is
// read is asked for as if everybody might, and none of it may come back.
func TestSoak(t *testing.T) {
	t.Parallel()
	h := newSoak(t, pgtest.URL(t))
	if strings.Contains(h.log.String(), noWall) {
		t.Fatal("there is no second wall")
	}
	h.reads = firstWallIsDown
	h.run(t).none(t)
}

// TestSoakWithoutTheSecondWall is the same on a database that has no second wall, so that the first one is tried by itself.
// Where the first one is down as well (-tags unchecked) a great deal is found: that is the control of both tests.
func TestSoakWithoutTheSecondWall(t *testing.T) {
	t.Parallel()
	h := newSoak(t, unwalled(t))
	if !strings.Contains(h.log.String(), noWall) {
		t.Fatal("there is a second wall")
	}
	h.reads = firstWallIsDown
	found := h.run(t)
	if !firstWallIsDown {
		found.none(t)
		return
	}
	if len(found.findings) == 0 {
		t.Error("both walls are down, and the soak finds nothing: it says nothing")
	}
}

// noWall is what the log of a server says whose database has no second wall.
const noWall = "the database has no second wall between workspaces"

// A soaked server is how it went.
type soaked struct {
	findings                             []finding
	sent, twins, answered, streams, shut int64
	reads                                bool
}

// none holds that nothing was found, by a soak that asked for enough to say so.
func (s soaked) none(t *testing.T) {
	t.Helper()
	for i, f := range s.findings {
		if i < mostFindings {
			t.Error(f)
		}
	}
	if len(s.findings) > 0 {
		return
	}
	if s.twins < s.sent/5 && !s.reads || s.answered < s.sent/4 || s.streams < s.sent/20 || s.shut > s.sent/100 {
		t.Errorf("too little was asked for: of %d requests %d have a twin, %d were answered, %d by streams, and %d credentials opened nothing", s.sent, s.twins, s.answered, s.streams, s.shut)
	}
}

// run asks for it, while streams are open.
func (h *soak) run(t *testing.T) (s soaked) {
	t.Helper()
	seed := *soakSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("soak: seed %d, requests %d to %d", seed, *soakFrom, *soakFrom+*soakRequests-1)
	began := time.Now()
	var next atomic.Int64
	next.Store(int64(*soakFrom))
	var mu sync.Mutex
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var wg sync.WaitGroup
	heard := h.listen(ctx, t)
	for range soakWorkers {
		wg.Go(func() {
			for ctx.Err() == nil {
				number := int(next.Add(1) - 1)
				if number >= *soakFrom+*soakRequests {
					return
				}
				one := h.try(t, seed, number)
				mu.Lock()
				s.add(one)
				if s.sent%10_000 == 0 {
					t.Logf("soak: %d requests in %s", s.sent, time.Since(began).Round(time.Second))
				}
				if len(s.findings) >= mostFindings {
					stop()
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	stop()
	listened := heard()
	s.findings = append(s.findings, listened.findings...)
	t.Logf("soak: %d requests in %s: %d compared with one for what never was, %d answered 2xx, %d streams, %d lines heard by %d that were open all the while, %d findings",
		s.sent, time.Since(began).Round(time.Second), s.twins, s.answered, s.streams, listened.lines, listened.open, len(s.findings))
	s.reads = h.reads
	return s
}

func (s *soaked) add(one soaked) {
	s.findings = append(s.findings, one.findings...)
	s.sent, s.twins, s.answered, s.streams, s.shut = s.sent+1, s.twins+one.twins, s.answered+one.answered, s.streams+one.streams, s.shut+one.shut
}

// try sends one request and looks at the answer. A request that is about one foreign workspace alone is sent a second
// time, for one that never was.
func (h *soak) try(t *testing.T, seed uint64, number int) (s soaked) {
	as := h.principals[number%len(h.principals)]
	g := &generator{soak: h, rng: rand.New(rand.NewPCG(seed, uint64(number))), as: as}
	target := h.places[g.rng.IntN(len(h.places))]
	alone := !as.sees[target.slug] && as.knows != target.slug && g.rng.IntN(4) > 0
	g.target, g.alone = target, alone
	r := g.request()
	status, body, header := h.send(t, r)
	text := answerText(status, body, header)
	if status >= http.StatusInternalServerError && status != http.StatusServiceUnavailable || strings.Contains(body, `"code":"INTERNAL"`) || status == http.StatusServiceUnavailable && !firstWallIsDown {
		s.findings = append(s.findings, finding{number, "the server failed", r, text})
	}
	for _, canary := range as.leaks(text) {
		if !strings.Contains(r.path+r.body, canary) {
			s.findings = append(s.findings, finding{number, "what belongs to others was given out: " + canary, r, text})
		}
	}
	if alone && g.comparable && !firstWallIsDown {
		g = &generator{soak: h, rng: rand.New(rand.NewPCG(seed, uint64(number))), as: as}
		_, _ = g.rng.IntN(len(h.places)), g.rng.IntN(4)
		g.target, g.alone = target.never(), true
		other := g.request()
		status, body, header := h.send(t, other)
		if missing := target.renamed(answerText(status, body, header)); missing != text {
			s.findings = append(s.findings, finding{number, "a foreign thing answers otherwise than a missing one:\n" + missing, r, text})
		}
		s.twins = 1
	}
	if status < 300 {
		s.answered = 1
	}
	if r.how != atOnce {
		s.streams = 1
	}
	if status == http.StatusUnauthorized {
		s.shut = 1
	}
	return s
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
