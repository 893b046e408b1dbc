package graphql

import (
	"context"
	"slices"

	"github.com/annals-io/annals/graphql/model"
)

// compareRuns answers how two runs differ; nil where one of them is not there.
func (r *Resolver) compareRuns(ctx context.Context, at *model.Moment, first, second string) (*model.RunComparison, error) {
	a, err := shown(r.findRun(ctx, at, first))
	if err != nil || a == nil {
		return nil, err
	}
	b, err := shown(r.findRun(ctx, at, second))
	if err != nil || b == nil {
		return nil, err
	}
	c, ok, err := r.Read.CompareRuns(ctx, at.At, a.Row.Key, b.Row.Key, r.said)
	if err != nil || !ok {
		return nil, err
	}
	fields := slices.Clone(c.Fields)
	var keys []int64
	for _, s := range c.Steps {
		fields, keys = append(fields, s.Fields...), append(keys, s.A, s.B)
	}
	texts, err := r.differingTexts(ctx, at, fields)
	if err != nil {
		return nil, err
	}
	steps, err := r.steps(ctx, at, keys)
	if err != nil {
		return nil, err
	}
	out := &model.RunComparison{A: a, B: b, Differences: fieldDifferences(c.Fields, texts), Steps: make([]*model.StepComparison, len(c.Steps)), EqualSteps: c.Equal, Complete: c.Complete}
	out.Identical = len(c.Fields)+len(c.Steps) == 0
	for i, s := range c.Steps {
		out.Steps[i] = &model.StepComparison{Name: s.Name, A: steps[s.A], B: steps[s.B], Differences: fieldDifferences(s.Fields, texts)}
	}
	return out, nil
}

// compareVersions answers how two versions of artifacts differ; nil where one of them is not there.
func (r *Resolver) compareVersions(ctx context.Context, at *model.Moment, first, second string) (*model.ArtifactVersionComparison, error) {
	a, err := shown(r.findVersion(ctx, at, first))
	if err != nil || a == nil {
		return nil, err
	}
	b, err := shown(r.findVersion(ctx, at, second))
	if err != nil || b == nil {
		return nil, err
	}
	fields, ok, err := r.Read.CompareVersions(ctx, at.At, a.Row.Key, b.Row.Key, r.said)
	if err != nil || !ok {
		return nil, err
	}
	texts, err := r.differingTexts(ctx, at, fields)
	return &model.ArtifactVersionComparison{A: a, B: b, Identical: len(fields) == 0, Differences: fieldDifferences(fields, texts)}, err
}
