package graphql

import (
	"context"
	"errors"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/projections/read"
)

// Subscriptions follow what has been applied: each time the read model moved on, what is new since the revision sent
// last is read at the new moment. So a message is never ahead of what a query would see, nothing is missed, and a
// reader that is slow gets fewer, larger messages.

// What is followed: a workspace or an organization.
type followed struct {
	// open fixes the moment of a message, if the subscriber may still see it: each message asks again.
	open func(ctx context.Context, atLeast *int64, timeoutMs int) (*model.Moment, error)
	// mayRead is errNoWorkspace for a subscriber who may not see it.
	mayRead func(ctx context.Context) error
}

// followedWorkspace is a workspace to follow.
func (r *Resolver) followedWorkspace(slug string) followed {
	return followed{
		open: func(ctx context.Context, atLeast *int64, timeoutMs int) (*model.Moment, error) {
			return r.open(ctx, slug, nil, atLeast, timeoutMs)
		},
		mayRead: func(ctx context.Context) error { return mayRead(ctx, slug) },
	}
}

// followedOrganization is an organization to follow.
func (r *Resolver) followedOrganization(slug string) followed {
	return followed{
		open: func(ctx context.Context, atLeast *int64, timeoutMs int) (*model.Moment, error) {
			return r.openOrganization(ctx, slug, nil, atLeast, timeoutMs)
		},
		mayRead: func(ctx context.Context) error { return mayReadIn(ctx, slug) },
	}
}

// followEvents sends the events of a workspace or organization in batches.
func (r *Resolver) followEvents(ctx context.Context, of followed, after *int64, f *model.AuditFilter, atLeast *int64, timeoutMs int) (<-chan *model.EventBatch, error) {
	at, err := of.open(ctx, atLeast, timeoutMs)
	if err != nil {
		return nil, err
	}
	scope := at.At.Slug
	q, ok, err := r.auditQuery(ctx, at, f)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, &Fault{codeNotFound, "there is nothing that the filter's subject means", map[string]any{"argument": "filter.subject", "rule": ruleThere}}
	}
	last := at.At.Revision
	if after != nil {
		last = domain.Revision(*after)
	}
	if last < domain.NoRevision {
		return nil, invalid("after", "after is -1 or a revision.", "after is %d; -1 or more", last)
	}
	q.Ascending = true
	out := make(chan *model.EventBatch)
	ctx, stop := r.whileReadable(ctx, of.mayRead)
	go func() {
		defer close(out)
		defer stop()
		for range r.Moments.Changes(ctx, scope, last) {
			for {
				batch, ok := untilRead(ctx, r, func() (*model.EventBatch, error) { return r.batch(ctx, of, q, last) })
				if !ok {
					return
				}
				if batch.Revision <= int64(last) {
					break
				}
				select {
				case out <- batch:
				case <-ctx.Done():
					return
				}
				last = domain.Revision(batch.Revision)
			}
		}
	}()
	return out, nil
}

// maxBatch bounds the events of one message.
const maxBatch = 500

// batch reads the events after a revision that fit, up to what is applied now.
func (r *Resolver) batch(ctx context.Context, of followed, q read.AuditQuery, last domain.Revision) (*model.EventBatch, error) {
	at, err := of.open(ctx, nil, 0)
	if err != nil {
		return nil, err
	}
	from := last + 1
	if q.From == nil || *q.From < from {
		q.From = &from
	}
	q.Page = read.Page{Limit: maxBatch}
	found, err := r.Read.Audit(ctx, at.At, q)
	if err != nil {
		return nil, err
	}
	rows := make([]read.AuditEntry, len(found.Rows))
	for i, s := range found.Rows {
		rows[i] = s.Row
	}
	through := at.At.Revision
	if found.More {
		through = rows[len(rows)-1].Revision
	}
	return &model.EventBatch{Events: auditEventsOf(at, rows), Revision: int64(through)}, nil
}

// followRun sends a run whenever it, its steps, or what they read and wrote changed. Who resumes may have seen the
// run on a server that was further: it is looked for where that is reached, or its run would be none.
func (r *Resolver) followRun(ctx context.Context, slug, id string, after, atLeast *int64, timeoutMs int) (<-chan *model.RunUpdate, error) {
	if after != nil && (atLeast == nil || *atLeast < *after) {
		atLeast = after
	}
	at, err := r.open(ctx, slug, nil, atLeast, timeoutMs)
	if err != nil {
		return nil, unfollowed(err)
	}
	run, err := shown(r.findRun(ctx, at, id))
	if err != nil {
		return nil, err
	}
	if run == nil {
		return nil, &Fault{codeNotFound, "there is no such run", map[string]any{"argument": "id", "rule": ruleThere}}
	}
	key, last := run.Row.Key, domain.NoRevision
	if after != nil {
		last = domain.Revision(*after)
	}
	out := make(chan *model.RunUpdate)
	ctx, stop := r.whileReadable(ctx, r.followedWorkspace(slug).mayRead)
	go func() {
		defer close(out)
		defer stop()
		for range r.Moments.Changes(ctx, domain.Slug(slug), last) {
			update, ok := untilRead(ctx, r, func() (runChange, error) { return r.runUpdate(ctx, slug, key, last) })
			if !ok {
				return
			}
			last = max(last, update.through)
			if update.message == nil {
				continue
			}
			select {
			case out <- update.message:
			case <-ctx.Done():
				return
			}
			if update.message.Run == nil {
				return // it was deleted: nothing more comes
			}
		}
	}()
	return out, nil
}

// A runChange is what to say of a run, and up to which revision that was looked at.
type runChange struct {
	message *model.RunUpdate // nil: nothing changed
	through domain.Revision
}

// runUpdate reads the run as it is now, where it changed since the revision. A revision below the first one asks for
// the present state.
func (r *Resolver) runUpdate(ctx context.Context, slug string, key int64, last domain.Revision) (runChange, error) {
	at, err := r.open(ctx, slug, nil, nil, 0)
	if err != nil {
		return runChange{}, err
	}
	change := runChange{through: at.At.Revision}
	if last > domain.NoRevision {
		changed, err := r.Read.RunChanged(ctx, at.At, key, last)
		if err != nil || !changed {
			return change, err
		}
	}
	found, err := r.runs(ctx, at, []int64{key})
	if err != nil {
		return runChange{}, err
	}
	change.message = &model.RunUpdate{Revision: int64(change.through)}
	if run := found[key]; run != nil && !run.Row.Deleted {
		change.message.Run = run
	}
	return change, nil
}

// unfollowed tells a subscriber of a workspace that is not there: null would be a message.
func unfollowed(err error) error {
	if errors.Is(err, errNoWorkspace) {
		return &Fault{codeNotFound, "there is no such workspace", map[string]any{"argument": "workspace", "rule": ruleThere}}
	}
	return err
}

// unfollowedIn is unfollowed for organizations.
func unfollowedIn(err error) error {
	if errors.Is(err, errNoWorkspace) {
		return &Fault{codeNotFound, "there is no such organization", map[string]any{"argument": "organization", "rule": ruleThere}}
	}
	return err
}

// judgedEvery is how often it is asked whether a subscriber may still read. Each message is judged besides, before what is
// in it is read: this only ends subscriptions in which nothing happens.
const judgedEvery = 250 * time.Millisecond

// whileReadable is a context that ends when the subscriber may not read what is followed any more. While nobody can tell,
// nothing can be read either, and it goes on.
func (r *Resolver) whileReadable(ctx context.Context, readable func(context.Context) error) (context.Context, context.CancelFunc) {
	ctx, stop := context.WithCancel(ctx)
	go func() {
		tick := time.NewTicker(judgedEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if readable(ctx) == errNoWorkspace {
					stop()
					return
				}
			}
		}
	}()
	return ctx, stop
}

// retryAfter is how long a subscription waits before it reads again what could not be read.
const retryAfter = time.Second

// untilRead reads until it works: a subscriber does not notice an outage but by its silence. It gives up when the
// caller is gone, or when the workspace is, or when what is asked for can never be read.
func untilRead[T any](ctx context.Context, r *Resolver, read func() (T, error)) (thing T, ok bool) {
	for {
		thing, err := read()
		if err == nil {
			return thing, true
		}
		if ctx.Err() != nil || errors.Is(err, errNoWorkspace) || unstorable(err) { // a filter that nothing can match: it is over
			return thing, false
		}
		r.log.WarnContext(ctx, "a subscription could not be read and is tried again", "err", err)
		select {
		case <-time.After(retryAfter):
		case <-ctx.Done():
			return thing, false
		}
	}
}
