package read

import (
	"context"
	"fmt"

	"github.com/annals-io/annals/domain"
)

// everyUse is how many inputs, or outputs, of one execution are compared.
const everyUse = 100_000

func (a *assembly) runs(ctx context.Context, keys []int64) error {
	rows, err := a.d.RunsByKey(ctx, a.m, keys)
	if err != nil {
		return err
	}
	details, err := a.d.RunDetails(ctx, a.m, keys)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if r.Deleted {
			continue
		}
		e, d := a.add(domain.KindRun, r.Key), details[r.Key]
		e.word("runId", r.RunID)
		e.ref("pipeline", domain.KindPipeline, r.Pipeline)
		e.number("number", r.Number)
		e.choice("status", string(r.Status))
		e.time("startedAt", r.StartedAt)
		e.time("endedAt", r.EndedAt)
		e.number("attempt", r.Attempt)
		e.put("", "contradictory", r.Contradictory)
		e.put("", "streaming", r.Streaming)
		e.ref("parent", domain.KindRun, r.Parent)
		e.ref("root", domain.KindRun, r.Root)
		e.word("name", d.Name)
		e.ref("pipelineVersion", domain.KindPipelineVersion, d.Version)
		e.word("versionLabel", d.VersionLabel)
		e.raw("codeReference", d.Code)
		e.raw("orchestrator", d.Orchestrator)
		e.words("warnings", r.Odd(d))
		all, err := r.AllAttempts()
		if err == nil {
			err = e.tries(all, r.Failure)
		}
		if err != nil {
			return fmt.Errorf("run %s: %w", r.RunID, err)
		}
	}
	return a.executions(ctx, keys)
}

func (a *assembly) steps(ctx context.Context, keys []int64) error {
	rows, err := a.d.StepsByKey(ctx, a.m, keys)
	if err != nil {
		return err
	}
	for _, s := range rows {
		if s.Deleted {
			continue
		}
		e := a.add(domain.KindStep, s.Key)
		e.ref("run", domain.KindRun, s.Run)
		e.word("name", s.Name)
		e.word("displayName", s.Title)
		e.choice("status", string(s.Status))
		e.time("startedAt", s.StartedAt)
		e.time("endedAt", s.EndedAt)
		e.number("attempt", s.Attempt)
		e.put("", "contradictory", s.Contradictory)
		e.words("upstream", s.Upstream)
		e.word("cacheKey", s.CacheKey)
		e.ref("cachedFrom", kindExecution, s.CachedFrom)
		e.raw("codeReference", s.Code)
		e.words("warnings", s.Warnings)
		all, err := s.AllAttempts()
		if err == nil {
			err = e.tries(all, s.Failure)
		}
		if err != nil {
			return fmt.Errorf("step %s: %w", s.Name, err)
		}
	}
	return a.executions(ctx, keys)
}

// executions adds what runs and steps have in common.
func (a *assembly) executions(ctx context.Context, keys []int64) error {
	keys = a.there(keys)
	if err := a.attributes(ctx, keys); err != nil {
		return err
	}
	metrics, err := a.d.Metrics(ctx, a.m, keys)
	if err != nil {
		return err
	}
	for key, list := range metrics {
		a.all[key].metrics(list)
	}
	for group, read := range map[string]func(context.Context, Moment, []int64, int) (map[int64][]Use, error){groupInputs: a.d.Inputs, groupOutputs: a.d.Outputs} {
		found, err := read(ctx, a.m, keys, everyUse)
		if err != nil {
			return err
		}
		for key, list := range found {
			a.all[key].uses(group, list)
		}
	}
	return nil
}
