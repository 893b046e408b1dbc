package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/operations"
	"github.com/annals-io/annals/projections"
)

// verifying compares the live read models with the events: operations of kind projection.verify, of one workspace or,
// without a target, of all.
type verifying struct{ engine *projections.Engine }

func (verifying) Kind() string { return "projection.verify" }

// verifyOrder is what a verification takes.
type verifyOrder struct {
	FullSpeed bool `json:"fullSpeed,omitempty"`
}

// byConfigurers permits what is about one workspace to who may configure it and to operators, and what is about all to
// operators alone.
func (s *server) byConfigurers(ctx context.Context, p access.Principal, o operations.Order) error {
	byOperator := operates(ctx, s.rights, p)
	if o.Target == "" || byOperator == nil {
		return byOperator
	}
	slug := domain.Slug(o.Target)
	return s.rights.Permit(ctx, p, slug, domain.ConfigureWorkspace, &projections.NotFoundError{Slug: slug})
}

func (s *server) checkVerify(ctx context.Context, o operations.Order) error {
	var order verifyOrder
	if err := readParams(o, &order); err != nil {
		return err
	}
	if o.Target != "" {
		if _, err := s.engine.ProgressOf(ctx, domain.Slug(o.Target)); err != nil {
			return err
		}
	}
	m, err := s.engine.Model(ctx)
	if err == nil && !m.Current() {
		outdated := &projections.OutdatedError{Schema: m.Schema, MadeBy: m.MadeBy, Code: m.Code}
		return &access.Refusal{Status: 409, Code: "other_version", Message: outdated.Error()}
	}
	return err
}

// Run verifies, and goes on where an earlier try was.
func (v verifying) Run(ctx context.Context, op *operations.Op, progress func(stage string, done, total int64)) (json.RawMessage, error) {
	var order verifyOrder
	if err := json.Unmarshal(op.Params, &order); err != nil {
		return nil, err
	}
	o := projections.VerifyOptions{
		Workspace: domain.Slug(op.Target), Gentle: !order.FullSpeed,
		Keep: func(ctx context.Context, so projections.Verification) error { return op.Keep(ctx, rawJSON(so)) },
	}
	if op.Checkpoint != nil {
		o.From = &projections.Verification{}
		if err := json.Unmarshal(op.Checkpoint, o.From); err != nil {
			return nil, fmt.Errorf("read how far it was: %w", err)
		}
	}
	found, err := v.engine.Verify(ctx, o, func(done, total int64) { progress("verifying", done, total) })
	if err != nil {
		return nil, ofVerify(err)
	}
	result := rawJSON(shownVerification(found))
	if !found.Equal() {
		return result, &operations.Finding{Code: "different", Message: fmt.Sprintf("%s differs from what the events say, in %d tables", found.Model, found.Tables)}
	}
	return result, nil
}

func ofVerify(err error) error {
	var none *projections.NotFoundError
	var outdated *projections.OutdatedError
	switch {
	case errors.As(err, &none):
		return &operations.Failure{Code: "not_found", Message: none.Error()}
	case errors.As(err, &outdated):
		return &operations.Failure{Code: "other_version", Message: outdated.Error()}
	}
	return ofOperation(err)
}

// verifyReport is the result of a verification.
type verifyReport struct {
	Model       string                        `json:"model"`
	Workspaces  int                           `json:"workspaces"`
	Events      int64                         `json:"events"`
	Seconds     float64                       `json:"seconds"`
	Rate        float64                       `json:"rate"`
	Equal       bool                          `json:"equal"`
	Paused      []domain.Slug                 `json:"paused"`      // compared as far as they are
	Tables      int                           `json:"tables"`      // how many differ
	Differences []projections.TableDifference `json:"differences"` // the first of them: Old is what is there, New what the events say
}

func shownVerification(v projections.Verification) verifyReport {
	return verifyReport{
		Model: v.Model, Workspaces: v.Workspaces, Events: v.Events, Seconds: v.Took.Seconds(), Rate: float64(v.Events) / max(v.Took.Seconds(), 1e-6),
		Equal: v.Equal(), Paused: v.Paused, Tables: v.Tables, Differences: v.Differences,
	}
}
