package limit

import (
	"sync"
	"time"
)

// A Rate lets each caller do something so many times at once and so many times a second from then on. It is safe for
// concurrent use.
type Rate struct {
	burst int
	every time.Duration // what one more costs

	mu   sync.Mutex
	full map[string]time.Time // when each will have all of it again; who has all of it is forgotten
}

// maxRated bounds the callers that are remembered before those who have all of it again are looked for and forgotten.
const maxRated = 10_000

// NewRate lets burst times through at once, and one more after each pause.
func NewRate(burst int, every time.Duration) *Rate {
	return &Rate{burst: burst, every: every, full: map[string]time.Time{}}
}

// Take says whether the caller may go on at that time, and, where not, after what time to come again.
func (r *Rate) Take(who string, now time.Time) (wait time.Duration, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	full := r.full[who]
	if full.Before(now) {
		full = now
	}
	room := time.Duration(r.burst) * r.every
	if wait = full.Add(r.every).Sub(now) - room; wait > 0 {
		return wait, false
	}
	if len(r.full) >= maxRated {
		for k, t := range r.full {
			if t.Before(now) {
				delete(r.full, k)
			}
		}
	}
	r.full[who] = full.Add(r.every)
	return 0, true
}
