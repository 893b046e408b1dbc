package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

// overviewDocument is what a page about all of one's workspaces asks.
const overviewDocument = `query($f: WorkspaceFilter, $a: AsOf) { workspaces(first: 50, filter: $f, asOf: $a) {
  nodes { slug name status kind environment sensitivity team labels { key value } memberCount myRole { role through } lastActivityAt createdAt updatedAt
    counts { pipelines runs steps artifacts artifactVersions } }
  pageInfo { hasNextPage endCursor } } }`

// workspaces measures the list of a thousand workspaces, each with a run, over HTTP.
func (m *machine) workspaces(ctx context.Context) error {
	t, _, err := m.serve(ctx)
	if err != nil {
		return err
	}
	defer t.stop()
	pool, err := m.pool(ctx)
	if err != nil {
		return err
	}
	defer pool.Close()
	n := m.scaled(1000, 200)
	m.say("making %d workspaces", n)
	if err := m.fillWorkspaces(ctx, t, n); err != nil {
		return err
	}
	if _, err := pool.Exec(ctx, "VACUUM (ANALYZE)"); err != nil {
		return fmt.Errorf("gather statistics: %w", err)
	}
	schema, err := liveModel(ctx, pool)
	if err != nil {
		return fmt.Errorf("find the live model: %w", err)
	}
	plain := fmt.Sprintf(`SELECT w.slug, w.name, w.kind, w.environment, m.roles FROM %[1]s.workspaces w JOIN %[1]s.members m ON m.ws = w.ws AND m.member = (SELECT member FROM %[1]s.members LIMIT 1) ORDER BY w.slug LIMIT 50`, schema)
	for _, q := range []struct {
		what      string
		variables map[string]any
	}{
		{"first page of the workspaces one may see", map[string]any{}},
		{"the same, of one kind and label", map[string]any{"f": map[string]any{"kinds": []string{"PROJECT"}, "labels": []any{map[string]any{"key": "tier", "value": "gold"}}}}},
		{"the same, as of a moment ago", map[string]any{"a": map[string]any{"time": time.Now().UTC().Format(time.RFC3339Nano)}}},
	} {
		if err := m.page(ctx, t, pool, fmt.Sprintf("%s (of %d)", q.what, n), overviewDocument, q.variables, 10*time.Millisecond, plain); err != nil {
			return err
		}
	}
	return nil
}

// fillWorkspaces makes workspaces, some at a time, and waits until all can be read.
func (m *machine) fillWorkspaces(ctx context.Context, t *target, n int) error {
	const document = `mutation($slug: String!, $tier: String!) { createWorkspace(input: {slug: $slug, labels: [{key: "tier", value: $tier}]}) { userErrors { message } }
		startRun(input: {workspace: $slug, pipeline: {name: "train"}}) { userErrors { message } revision } }`
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan int)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range next {
				slug, tier := fmt.Sprintf("bench-%04d", i), "gold"
				if i%3 == 0 {
					tier = "lead"
				}
				var made struct {
					StartRun struct{ Revision json.Number }
				}
				err := t.ask(ctx, document, map[string]any{"slug": slug, "tier": tier}, &made)
				if err == nil {
					var revision int64
					if revision, err = made.StartRun.Revision.Int64(); err == nil {
						err = t.seen(ctx, slug, revision)
					}
				}
				if err != nil {
					cancel(fmt.Errorf("make %s: %w", slug, err))
				}
			}
		})
	}
	for i := 0; i < n && ctx.Err() == nil; i++ {
		next <- i
	}
	close(next)
	wg.Wait()
	return context.Cause(ctx)
}
