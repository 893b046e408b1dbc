package access

import (
	"net/http"
	"time"
)

// NewGuessesAt is NewGuesses by a clock.
func NewGuessesAt(perMinute int, address func(*http.Request) string, now func() time.Time) *Guesses {
	g := NewGuesses(perMinute, address)
	g.now = now
	return g
}

// Known is how many addresses are remembered.
func (g *Guesses) Known() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.buckets)
}
