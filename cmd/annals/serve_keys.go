package main

import (
	"context"
	"errors"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/projections"
)

// runWait is how long looking for a run waits for the read model.
const runWait = 2 * time.Second

// mostRuns is how many runs of one id are looked for: more than one is listed for the caller to choose of.
const mostRuns = 11

// runsOf are the runs of a workspace that their producers gave that id, as far as can be read by now.
func (s *server) runsOf(ctx context.Context, ws domain.Slug, id string) ([]domain.RunRef, error) {
	at, err := s.engine.Open(ctx, ws, projections.AsOf{}, nil, runWait)
	var none *projections.NotFoundError
	if errors.As(err, &none) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	db := s.answers.Load()
	found, err := db.RunsByRunID(ctx, at, id, mostRuns)
	if err != nil {
		return nil, err
	}
	var refs []domain.RunRef
	for _, run := range found {
		if run.Deleted {
			continue
		}
		ref := domain.RunRef{ID: run.RunID}
		if run.Foreign {
			jobs, err := db.PipelinesByKey(ctx, at, []int64{run.Pipeline})
			if err != nil {
				return nil, err
			}
			for _, job := range jobs {
				ref.Job = domain.Name{Namespace: job.Namespace, Name: job.Name}
			}
		}
		refs = append(refs, ref)
	}
	return refs, nil
}
