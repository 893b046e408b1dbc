package bench

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// A Crowd writes to a server and reads from it all the time, each in workspaces of its own, and checks every answer
// against what it wrote: for tests and measurements of what goes on beside them, such as a rebuild. Each write is the start
// of one run, so that an answer at a revision must count exactly the runs that were started up to there, and show the last
// of them as the newest: one that was put together from two read models, or from one that lacks something, does not. A
// question about a fixed moment must be answered with the same bytes for ever, and revisions must not go back.
type Crowd struct {
	URL, Key string
	Rate     int    // writes in a second, over all workspaces
	Places   int    // workspaces, each with a writer and a reader
	Name     string // how their slugs begin; default crowd
}

// A Crowded is what became of it.
type Crowded struct {
	Written, Read int
	Failed, Mixed int
	First         []string // of what failed or was mixed, the first ten
	WriteP99      time.Duration
	ReadP99       time.Duration
}

// A place is one workspace of a crowd.
type place struct {
	t    *target
	slug string
	all  *crowding

	mu      sync.Mutex
	wrote   []int64 // the revision after each write
	sending bool
	seen    int64 // the highest revision that was read
	fixed   string
}

// A crowding is a crowd at work.
type crowding struct {
	mu            sync.Mutex
	found         Crowded
	wrote, looked latencies
}

func (c *crowding) fault(count *int, format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*count++
	if len(c.found.First) < 10 {
		c.found.First = append(c.found.First, fmt.Sprintf(format, args...))
	}
}

// Run does it until ctx ends. The error is one of getting ready.
func (c Crowd) Run(ctx context.Context) (Crowded, error) {
	t := &target{url: c.URL, key: c.Key, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2 * c.Places}, Timeout: time.Minute}}
	all := &crowding{}
	places := make([]*place, c.Places)
	for i := range places {
		places[i] = &place{t: t, slug: fmt.Sprintf("%s-%02d", cmp.Or(c.Name, "crowd"), i), all: all}
		if err := t.createWorkspace(ctx, places[i].slug); err != nil {
			return Crowded{}, fmt.Errorf("make a workspace for the crowd: %w", err)
		}
		places[i].write(ctx)
		if len(places[i].wrote) != 1 {
			return all.found, fmt.Errorf("the first write failed: %v", all.found.First)
		}
	}
	var wait sync.WaitGroup
	each := time.Duration(c.Places) * time.Second / time.Duration(c.Rate)
	for _, p := range places {
		wait.Go(func() { every(ctx, each, p.write) })
		wait.Go(func() { every(ctx, 5*time.Millisecond, p.read) })
	}
	wait.Wait()
	all.found.WriteP99, all.found.ReadP99 = all.wrote.at(0.99), all.looked.at(0.99)
	return all.found, nil
}

// every calls do until ctx ends, that often where it is quick enough.
func every(ctx context.Context, pause time.Duration, do func(context.Context)) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for ctx.Err() == nil {
		do(context.WithoutCancel(ctx)) // what was sent is waited for
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

func (p *place) write(ctx context.Context) {
	p.mu.Lock()
	n := len(p.wrote) + 1
	p.sending = true
	p.mu.Unlock()
	body := fmt.Sprintf(`{"id":"c-%[1]d","run":"crowd-%[1]d","at":"2026-03-01T12:00:00Z","body":{"type":"runStarted","name":"crowd %[1]d"}}`+"\n", n)
	var answer struct{ Revision int64 }
	began := time.Now()
	err := p.t.post(ctx, "/v1/workspaces/"+p.slug+"/events", "application/x-ndjson", []byte(body), &answer)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.all.fault(&p.all.found.Failed, "write %d to %s: %v", n, p.slug, err)
		return // sent again: the same id is the same event
	}
	p.sending, p.wrote = false, append(p.wrote, answer.Revision)
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	p.all.found.Written++
	p.all.wrote = append(p.all.wrote, time.Since(began))
}

// crowdQuery asks three parts of the read model for one moment, and for a fixed one.
const crowdQuery = `query($s: String!, $at: Int64!) {
  now: workspace(slug: $s) { asOf { revision } counts { runs } runs(first: 1) { nodes { name } } }
  then: workspace(slug: $s, asOf: {revision: $at}) { asOf { revision } counts { runs } runs(first: 3) { nodes { name status } } }
}`

// A crowdAnswer is the first part of it.
type crowdAnswer struct {
	AsOf   struct{ Revision int64 }
	Counts struct{ Runs int }
	Runs   struct{ Nodes []struct{ Name string } }
}

func (p *place) read(ctx context.Context) {
	p.mu.Lock()
	fixed := p.wrote[0]
	p.mu.Unlock()
	var answer struct {
		Now  crowdAnswer
		Then json.RawMessage
	}
	began := time.Now()
	err := p.t.ask(ctx, crowdQuery, map[string]any{"s": p.slug, "at": fixed}, &answer)
	took := time.Since(began)
	if err != nil {
		p.all.fault(&p.all.found.Failed, "read %s: %v", p.slug, err)
		return
	}
	p.all.mu.Lock()
	p.all.found.Read++
	p.all.looked = append(p.all.looked, took)
	p.all.mu.Unlock()
	for _, wrong := range p.check(answer.Now, string(answer.Then)) {
		p.all.fault(&p.all.found.Mixed, "%s: %s", p.slug, wrong)
	}
}

// countedMost is what the API answers where there are more runs than it counts.
const countedMost = 10_001

// check says what is wrong with an answer.
func (p *place) check(now crowdAnswer, then string) (wrong []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, runs := now.AsOf.Revision, now.Counts.Runs
	started, _ := slices.BinarySearch(p.wrote, at+1) // how many were written up to there
	most := started
	if p.sending && started == len(p.wrote) {
		most++ // one that was written and not yet answered
	}
	if runs < min(started, countedMost) || runs > min(most, countedMost) {
		wrong = append(wrong, fmt.Sprintf("at revision %d there are %d runs, and %d were started", at, runs, started))
	}
	newest := ""
	if len(now.Runs.Nodes) > 0 {
		newest = now.Runs.Nodes[0].Name
	}
	first, last := runs, runs // the newest is one of these
	if runs >= countedMost {
		first, last = started, most
	}
	if newest != fmt.Sprintf("crowd %d", first) && newest != fmt.Sprintf("crowd %d", last) && (runs > 0 || newest != "") {
		wrong = append(wrong, fmt.Sprintf("at revision %d the newest of %d runs is %q", at, runs, newest))
	}
	if at < p.seen {
		wrong = append(wrong, fmt.Sprintf("revision %d was read after revision %d", at, p.seen))
	}
	p.seen = max(p.seen, at)
	if p.fixed == "" {
		p.fixed = then
	}
	if then != p.fixed {
		wrong = append(wrong, fmt.Sprintf("a fixed moment was %s and is %s", p.fixed, then))
	}
	return wrong
}
