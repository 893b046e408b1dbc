package workspaces

import (
	"context"
	"fmt"
	"strings"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/projections/read"
)

const (
	// MaxBlockers is how many things that stand in the way are named, the newest first.
	MaxBlockers = 50
	// MaxCount is where counting stops; one more means that there is more.
	MaxCount = 10_000
)

// A Preview is what deleting a workspace would come to, at a moment.
type Preview struct {
	// Never says why the workspace can never be deleted; empty: it can.
	Never string
	// Blockers has to be ended first: at most [MaxBlockers] of each kind. Blocking is how many there are.
	Blockers []Blocker
	Blocking int
	// Ends with the workspace and stays as history. Of runs, those that have ended.
	Members, Pipelines, EndedRuns, Steps, Artifacts, Versions int
}

// Possible says whether nothing stands in the way.
func (p Preview) Possible() bool { return p.Never == "" && p.Blocking == 0 }

// isDefault is why a default workspace stays.
const isDefault = "this is the default workspace of its organization, which always has one: it cannot be deleted"

// Preview says what deleting a workspace would come to.
func (d *Desk) Preview(ctx context.Context, m read.Moment) (Preview, error) {
	var p Preview
	w, there, err := d.Read.Workspace(ctx, m)
	if err != nil {
		return p, err
	}
	if there && w.Kind == domain.DefaultWorkspace {
		p.Never = isDefault
	}
	if p.Blockers, p.Blocking, err = d.blockers(ctx, m); err != nil {
		return p, err
	}
	members, err := d.Read.Members(ctx, m)
	if err != nil {
		return p, err
	}
	c, err := d.Read.Counts(ctx, m, MaxCount)
	if err != nil {
		return p, err
	}
	p.Members, p.Pipelines, p.EndedRuns, p.Steps, p.Artifacts, p.Versions = len(members), c.Pipelines, c.Runs-min(p.Blocking, c.Runs), c.Steps, c.Artifacts, c.Versions
	return p, nil
}

// blockers lists what stands in the way at a moment, and counts it.
func (d *Desk) blockers(ctx context.Context, m read.Moment) (all []Blocker, n int, err error) {
	for _, kind := range order {
		found, of, err := blocking[kind].living(ctx, d.Read, m, MaxBlockers, MaxCount)
		if err != nil {
			return nil, 0, err
		}
		all, n = append(all, found...), n+of
	}
	return all, n, nil
}

// A BlockedError says what keeps a workspace from being deleted. Nothing was changed.
type BlockedError struct {
	Slug     domain.Slug
	Blockers []Blocker // the newest, at most [MaxBlockers] of each kind
	Blocking int       // how many there are
}

func (e *BlockedError) Error() string {
	counts := map[domain.Kind]int{}
	for _, b := range e.Blockers {
		counts[b.Kind]++
	}
	var parts []string
	for _, kind := range order {
		n := counts[kind]
		if n == 0 {
			continue
		}
		if len(counts) == 1 {
			n = e.Blocking
		}
		what := blocking[kind].what
		if n == 1 {
			what = blocking[kind].one
		}
		parts = append(parts, fmt.Sprintf("%d %s", n, what))
	}
	return fmt.Sprintf("workspace %s cannot be deleted while it has %s: end them first", e.Slug, strings.Join(parts, ", "))
}
