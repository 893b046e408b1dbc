package access

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// recheckEvery is how soon an open subscription notices that its credential is no longer good.
const recheckEvery = 30 * time.Millisecond

// rechecks bounds the credentials that are looked at together. They share their look-ups.
const rechecks = 256

// watch ends long answers when their credential does: it was revoked, it expired, whoever holds it was shut out. Each
// credential is looked at once, however many answers it has open, and nothing is done while none is open.
type watch struct {
	auth Authenticator

	mu      sync.Mutex
	open    map[string]*watchedKey
	running bool
}

// watchedKey is a credential with open answers.
type watchedKey struct {
	asked *http.Request // that it came with; its context does not end
	stops map[*context.CancelFunc]struct{}
}

func newWatch(auth Authenticator) *watch { return &watch{auth: auth, open: map[string]*watchedKey{}} }

// whileValid is a context that ends soon after the credential of the request does. The function ends it, and the
// watching; so does the end of ctx.
func (w *watch) whileValid(ctx context.Context, r *http.Request, p Principal) (context.Context, context.CancelFunc) {
	ctx, stop := context.WithCancel(ctx)
	name := p.KeyID
	if p.SessionID != "" {
		name = "session " + p.SessionID
	}
	w.add(name, r, &stop)
	forget := context.AfterFunc(ctx, func() { w.drop(name, &stop) })
	return ctx, func() {
		stop()
		if forget() { // it has not run, and will not
			w.drop(name, &stop)
		}
	}
}

func (w *watch) add(name string, r *http.Request, stop *context.CancelFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	k := w.open[name]
	if k == nil {
		k = &watchedKey{asked: r.Clone(context.WithoutCancel(r.Context())), stops: map[*context.CancelFunc]struct{}{}}
		k.asked.Body = http.NoBody
		w.open[name] = k
	}
	k.stops[stop] = struct{}{}
	if !w.running {
		w.running = true
		go w.run()
	}
}

func (w *watch) drop(name string, stop *context.CancelFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	k := w.open[name]
	if k == nil {
		return
	}
	if delete(k.stops, stop); len(k.stops) == 0 {
		delete(w.open, name)
	}
}

// run looks at all credentials again and again until none is left.
func (w *watch) run() {
	tick := time.NewTicker(recheckEvery)
	defer tick.Stop()
	for range tick.C {
		keys, more := w.all()
		if !more {
			return
		}
		together := make(chan struct{}, rechecks)
		var all sync.WaitGroup
		for _, k := range keys {
			together <- struct{}{}
			all.Go(func() {
				w.recheck(k)
				<-together
			})
		}
		all.Wait()
	}
}

func (w *watch) all() (keys []*watchedKey, more bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.running = len(w.open) > 0; !w.running {
		return nil, false
	}
	for _, k := range w.open {
		keys = append(keys, k)
	}
	return keys, true
}

// recheck ends all answers of a credential that is no longer good. While credentials cannot be looked up, nothing can be
// read either: the subscriptions wait like everybody.
func (w *watch) recheck(k *watchedKey) {
	_, err := w.auth.Authenticate(k.asked.Context(), k.asked)
	if err == nil || refusalOf(err).Status != http.StatusUnauthorized {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for stop := range k.stops {
		(*stop)()
	}
}
