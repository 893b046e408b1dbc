package session

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// usedEvery is how exact last-used times are.
const usedEvery = time.Minute

// keepEnded is how long rows of ended sessions stay.
const keepEnded = 30 * 24 * time.Hour

// touches collect when sessions were used, so that a request costs no write.
type touches struct {
	mu    sync.Mutex
	times map[string]time.Time
}

func newTouches() *touches { return &touches{times: map[string]time.Time{}} }

func (t *touches) touch(id string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.times[id] = now
}

func (t *touches) at(id string) (time.Time, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at, ok := t.times[id]
	return at, ok
}

// all are the times there are. They are forgotten when they have been written: until then a session counts as used.
func (t *touches) all() (ids []string, times []time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, at := range t.times {
		ids, times = append(ids, id), append(times, at)
	}
	return ids, times
}

func (t *touches) written(ids []string, times []time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, id := range ids {
		if t.times[id].Equal(times[i]) {
			delete(t.times, id)
		}
	}
}

const touchSQL = `
UPDATE log.sessions AS s SET used_at = greatest(s.used_at, used.at)
FROM unnest($1::text[], $2::timestamptz[]) AS used (id, at) WHERE s.id = used.id`

// Flush writes when sessions were last used.
func (s *Sessions) Flush(ctx context.Context) error {
	ids, times := s.used.all()
	if len(ids) == 0 {
		return nil
	}
	if _, err := s.db.Exec(ctx, touchSQL, ids, times); err != nil {
		return fmt.Errorf("store when sessions were last used: %w", err)
	}
	s.cache.clear() // what is remembered is from before
	s.used.written(ids, times)
	return nil
}

const sweepSQL = `DELETE FROM log.sessions WHERE created_at < $1`

// Sweep deletes the rows of sessions that ended long ago.
func (s *Sessions) Sweep(ctx context.Context) error {
	if _, err := s.db.Exec(ctx, sweepSQL, s.now().Add(-Life-keepEnded)); err != nil {
		return fmt.Errorf("sweep sessions: %w", err)
	}
	return nil
}

// Run writes last-used times once a minute until ctx ends, and once more then, and sweeps once an hour.
func (s *Sessions) Run(ctx context.Context, failed func(error)) {
	tick := time.NewTicker(usedEvery)
	defer tick.Stop()
	for round := 0; ; round++ {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			if err := s.Flush(last); err != nil {
				failed(err)
			}
			return
		case <-tick.C:
		}
		if err := s.Flush(ctx); err != nil {
			failed(err)
		}
		if round%60 == 0 {
			if err := s.Sweep(ctx); err != nil {
				failed(err)
			}
		}
	}
}
