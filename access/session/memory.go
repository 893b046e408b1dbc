package session

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// freshFor is how long what was read about a session is taken for true: with as much again until open subscriptions are looked
// at, one that ended elsewhere opens nothing here after a tenth of a second, as it is with keys.
const freshFor = 40 * time.Millisecond

// maxRemembered bounds what callers with invented tokens can make us remember.
const maxRemembered = 10_000

// lookupTimeout bounds a look-up.
const lookupTimeout = 5 * time.Second

// memory spares a look-up for each request. Those who wait for one thing share one look-up.
type memory[K comparable, V any] struct {
	mu    sync.Mutex
	known map[K]remembered[V]
	under map[K]*lookup[V]
	epoch int // of clearings: what was asked before one is not remembered after it
}

type remembered[V any] struct {
	value V
	until time.Time // by the monotonic clock
}

type lookup[V any] struct {
	done chan struct{}
	got  V
	err  error
}

func newMemory[K comparable, V any]() *memory[K, V] {
	return &memory[K, V]{known: map[K]remembered[V]{}, under: map[K]*lookup[V]{}}
}

func (m *memory[K, V]) get(ctx context.Context, of K, find func(context.Context, K) (V, error)) (V, error) {
	m.mu.Lock()
	if r, ok := m.known[of]; ok && time.Now().Before(r.until) {
		m.mu.Unlock()
		return r.value, nil
	}
	l, ok := m.under[of]
	if !ok {
		l = &lookup[V]{done: make(chan struct{})}
		m.under[of] = l
		go m.look(context.WithoutCancel(ctx), of, l, m.epoch, find) // others wait for it too
	}
	m.mu.Unlock()
	select {
	case <-l.done:
		return l.got, l.err
	case <-ctx.Done():
		var none V
		return none, fmt.Errorf("wait for a session: %w", ctx.Err())
	}
}

func (m *memory[K, V]) look(ctx context.Context, of K, l *lookup[V], epoch int, find func(context.Context, K) (V, error)) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	until := time.Now().Add(freshFor) // from before the question
	l.got, l.err = find(ctx, of)
	m.mu.Lock()
	if m.under[of] == l {
		delete(m.under, of)
	}
	if l.err == nil && m.epoch == epoch {
		if len(m.known) >= maxRemembered {
			clear(m.known)
		}
		m.known[of] = remembered[V]{l.got, until}
	}
	m.mu.Unlock()
	close(l.done)
}

// clear forgets everything: sessions end seldom.
func (m *memory[K, V]) clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.known)
	clear(m.under)
	m.epoch++
}
