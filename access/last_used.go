package access

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// usedEvery is how exact last-used times are. They are for people who wonder whether a key can go.
const usedEvery = time.Minute

// lastUsed collects when keys were used, so that a request costs no write.
type lastUsed struct {
	mu    sync.Mutex
	times map[string]time.Time
}

func newLastUsed() *lastUsed { return &lastUsed{times: map[string]time.Time{}} }

func (l *lastUsed) touch(id string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.times[id] = now
}

func (l *lastUsed) take() (ids []string, times []time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, t := range l.times {
		ids, times = append(ids, id), append(times, t)
	}
	clear(l.times)
	return ids, times
}

// putBack keeps for the next time what could not be written, but where a key was used again meanwhile.
func (l *lastUsed) putBack(ids []string, times []time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, id := range ids {
		if _, again := l.times[id]; !again {
			l.times[id] = times[i]
		}
	}
}

const touchKeysSQL = `
UPDATE log.api_keys AS k SET last_used_at = greatest(k.last_used_at, used.at)
FROM unnest($1::text[], $2::timestamptz[]) AS used (id, at)
WHERE k.id = used.id`

// Flush writes when keys were last used.
func (k *Keys) Flush(ctx context.Context) error {
	ids, times := k.used.take()
	if len(ids) == 0 {
		return nil
	}
	if _, err := k.db.Exec(ctx, touchKeysSQL, ids, times); err != nil {
		k.used.putBack(ids, times)
		return fmt.Errorf("store when keys were last used: %w", err)
	}
	return nil
}

// Run writes last-used times once a minute until ctx ends, and once more then: what a crash loses is a minute. As often it
// makes up for what was interrupted, and ends the tokens of runs that are over.
func (k *Keys) Run(ctx context.Context, failed func(error)) {
	tick := time.NewTicker(usedEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			if err := k.Flush(last); err != nil {
				failed(err)
			}
			return
		case <-tick.C:
			if err := k.Tidy(ctx); err != nil {
				failed(err)
			}
		}
	}
}

// Tidy does once what Run does every minute.
func (k *Keys) Tidy(ctx context.Context) error {
	return errors.Join(k.Flush(ctx), k.makeUp(ctx), k.abandon(ctx), k.endWithRuns(ctx))
}
