package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// progress shows how far a long command is: a bar where a person looks on, a plain line every few seconds elsewhere.
// It writes to stderr alone. All methods may be called at once.
type progress struct {
	w        io.Writer
	person   bool
	what     string
	total    int64 // bytes; 0: unknown
	now      func() time.Time
	began    time.Time
	quitting chan struct{}
	ended    chan struct{}

	mu     sync.Mutex
	bytes  int64
	done   int
	counts bool // total is a number of things
	wide   int  // of the bar on the screen
}

// How often it is shown.
const (
	barEvery  = 100 * time.Millisecond
	lineEvery = 5 * time.Second
)

// startProgress begins to show; call stop to end it.
func (a *app) startProgress(what string, total int64) *progress {
	p := &progress{
		w: a.stderr, person: a.terminal(a.stderr), what: what, total: total, now: time.Now, began: time.Now(),
		quitting: make(chan struct{}), ended: make(chan struct{}),
	}
	go p.show()
	return p
}

func (p *progress) show() {
	defer close(p.ended)
	every := lineEvery
	if p.person {
		every = barEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-p.quitting:
			p.wipe()
			return
		case <-tick.C:
			p.draw()
		}
	}
}

// add says that so many things were done.
func (p *progress) add(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
}

// read says how many bytes of the sources have been read in all.
func (p *progress) read(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bytes += n
}

// reach says how far it is where that is known in things, not bytes.
func (p *progress) reach(done, total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bytes, p.total, p.counts = done, total, true
}

// turn goes on with other things, from none of them.
func (p *progress) turn(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.what, p.bytes, p.total, p.done, p.began = what, 0, 0, 0, p.now()
}

// stop ends the showing, and takes the bar away.
func (p *progress) stop() {
	close(p.quitting)
	<-p.ended
}

func (p *progress) draw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	line := p.line(p.now().Sub(p.began))
	if !p.person {
		fmt.Fprintln(p.w, line)
		return
	}
	pad := max(0, p.wide-len([]rune(line)))
	fmt.Fprint(p.w, "\r", line, strings.Repeat(" ", pad))
	p.wide = len([]rune(line))
}

func (p *progress) wipe() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.person && p.wide > 0 {
		fmt.Fprint(p.w, "\r", strings.Repeat(" ", p.wide), "\r")
	}
}

// line says it in words: done, share of the total, rate and the time that is left.
func (p *progress) line(took time.Duration) string {
	rate := 0.0
	if took > 0 {
		rate = float64(p.done) / took.Seconds()
	}
	s := fmt.Sprintf("%s %s, %s/s", grouped(p.done), p.what, grouped(int(rate+0.5)))
	if p.total <= 0 {
		return s
	}
	share := min(1, float64(p.bytes)/float64(p.total))
	eta := "?"
	if share > 0 {
		left := time.Duration(float64(took) * (1 - share) / share)
		eta = left.Round(time.Second).String()
	}
	const width = 24
	full := int(share * width)
	whole := sized(p.total)
	if p.counts {
		whole = grouped(int(p.total))
	}
	return fmt.Sprintf("[%s%s] %3.0f%% of %s  %s  ETA %s", strings.Repeat("=", full), strings.Repeat(" ", width-full), share*100, whole, s, eta)
}

// grouped writes 12345 as 12,345.
func grouped(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func sized(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}

// counted tells the progress what passes through a reader.
type counted struct {
	io.Reader
	p *progress
}

func (c counted) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.p.read(int64(n))
	return n, err
}
