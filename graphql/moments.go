package graphql

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/projections"
)

// maxWait is the longest that a reader may wait for a revision.
const maxWait = 10 * time.Second

// leastWait is what looking takes: who does not want to wait gets an answer all the same.
const leastWait = 100 * time.Millisecond

// open fixes the moment of an answer about one workspace. A workspace that is not there, or that the caller may not
// see, is errNoWorkspace.
func (r *Resolver) open(ctx context.Context, slug string, asOf *model.AsOf, atLeast *int64, timeoutMs int) (*model.Moment, error) {
	slug, err := sought(ctx, slug)
	if err != nil {
		return nil, err
	}
	return r.openScope(ctx, domain.Slug(slug), asOf, atLeast, timeoutMs)
}

// openScope fixes the moment of an answer about what read models know by a name, for somebody who may read it.
func (r *Resolver) openScope(ctx context.Context, scope domain.Slug, asOf *model.AsOf, atLeast *int64, timeoutMs int) (*model.Moment, error) {
	wait, err := waitOf(timeoutMs)
	if err != nil {
		return nil, err
	}
	var at projections.AsOf
	if asOf != nil {
		at = projections.AsOf{Time: asOf.Time, Revision: asOf.Revision}
	}
	if atLeast == nil && at.Revision == nil {
		wait = readWait // there is nothing to wait for but the answer
	}
	wait = max(wait, leastWait)
	m, err := r.Moments.Open(ctx, scope, at, atLeast, wait)
	if err != nil {
		return nil, unopened(err, at.Revision != nil)
	}
	out := &model.Moment{At: m, Asked: at.Time}
	if at.Revision != nil {
		out.Asked = &m.Time
	}
	return out, nil
}

func waitOf(timeoutMs int) (time.Duration, error) {
	wait := time.Duration(timeoutMs) * time.Millisecond
	if wait < 0 || wait > maxWait {
		return 0, outside("timeoutMs", timeoutMs, 0, int(maxWait.Milliseconds()))
	}
	return wait, nil
}

// reached waits until what is read next has the revisions, each of its workspace; all of them share the time to wait.
// A workspace that is not there, or may not be seen, is not reached either: nobody learns which.
func (r *Resolver) reached(ctx context.Context, atLeast []*model.WorkspaceRevision, timeoutMs int) error {
	return awaited("workspace", atLeast, timeoutMs, func(least *model.WorkspaceRevision, left int) (string, int64, error) {
		_, err := r.open(ctx, least.Workspace, nil, &least.Revision, left)
		return least.Workspace, least.Revision, err
	})
}

// awaited opens places of a kind one after the other, each with the milliseconds that are left, until all have the
// revisions.
func awaited[T any](kind string, atLeast []T, timeoutMs int, open func(least T, left int) (name string, revision int64, err error)) error {
	wait, err := waitOf(timeoutMs)
	if err != nil {
		return err
	}
	if len(atLeast) > maxIDs {
		return outside("atLeast", len(atLeast), 0, maxIDs)
	}
	end := time.Now().Add(wait)
	for _, least := range atLeast {
		name, revision, err := open(least, int(max(time.Until(end), 0).Milliseconds()))
		if errors.Is(err, errNoWorkspace) {
			return &Fault{codeStale, "there is no " + kind + " " + clip(name) + " to wait for", map[string]any{kind: clip(name), "have": int64(domain.NoRevision), "want": revision}}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// unopened tells why a moment could not be opened.
func unopened(err error, ofRevision bool) error {
	var missing *projections.NotFoundError
	var paused *projections.PausedError
	var late *projections.TimeoutError
	var early *projections.BeforeFirstError
	var future *projections.FutureError
	var refused *domain.Error
	switch {
	case errors.As(err, &missing):
		return errNoWorkspace
	case errors.As(err, &paused):
		return &Fault{codePaused, paused.Error(), map[string]any{"workspace": string(paused.Slug), "applied": int64(paused.Applied)}}
	case errors.As(err, &late) && ofRevision && late.Head < late.Want:
		return &Fault{codeAhead, late.Error(), map[string]any{"workspace": string(late.Slug), "head": int64(late.Head), "argument": "asOf", "rule": ruleMoment}}
	case errors.As(err, &late):
		return &Fault{codeStale, late.Error(), map[string]any{"workspace": string(late.Slug), "have": int64(late.Have), "want": int64(late.Want)}}
	case errors.As(err, &early):
		return &Fault{codeBeforeFirst, early.Error(), map[string]any{"workspace": string(early.Slug), "first": early.First.UTC().Format(time.RFC3339Nano), "argument": "asOf", "rule": ruleMoment}}
	case errors.As(err, &future):
		return &Fault{codeAhead, future.Error(), map[string]any{"now": future.Now.UTC().Format(time.RFC3339Nano), "argument": "asOf", "rule": ruleMoment}}
	case errors.As(err, &refused):
		return invalid("slug", ruleThere, "%s", refused.Error())
	}
	return fmt.Errorf("open a moment: %w", err)
}

// absent makes null of what is not there: a missing thing is no error.
func absent[T any](thing *T, err error) (*T, error) {
	if errors.Is(err, errNoWorkspace) {
		return nil, nil
	}
	return thing, err
}

// refusedRead turns a refusal of a read model, such as a filter that cannot be compared, into a fault of the request.
func refusedRead(err error) error {
	var refused *domain.Error
	if errors.As(err, &refused) {
		return invalid(refused.Subject, ruleFiltering, "%s", refused.Error())
	}
	return err
}
