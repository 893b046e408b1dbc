package erasure

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// How often open erasures are looked for, and how old one is that nobody is at work on.
const (
	lookEvery = time.Minute
	restsFor  = 30 * time.Second
)

// Run carries on what was interrupted, at once and then every minute, until ctx ends.
func (d *Desk) Run(ctx context.Context) {
	age := time.Duration(0) // at a start, all of them: who was at work may be this server, before it died
	for {
		if err := d.Resume(ctx, age); err != nil && ctx.Err() == nil {
			d.Logger.WarnContext(ctx, "an erasure is not finished; trying again", "err", err)
		}
		age = restsFor
		t := time.NewTimer(lookEvery)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
	}
}

// Resume carries on the erasures that were asked for longer than age ago and are not done. The error is of the first that
// could not be finished; the others are tried all the same.
func (d *Desk) Resume(ctx context.Context, age time.Duration) error {
	open, err := d.unfinished(ctx, age)
	for _, r := range open {
		now, failed := d.carry(ctx, r)
		switch {
		case failed == nil:
			d.Logger.InfoContext(ctx, "an erasure was carried on and is done", "erasure", r.id)
		case err == nil:
			err = fmt.Errorf("erasure %s, %s: %w", r.id, now.state, failed)
		}
	}
	return err
}

// row is an erasure as its table has it.
type row struct {
	id       uuid.UUID
	state    string
	revision *int64
	plan     *Plan
	large    bool // the file of evidence was not rewritten for its size; known when the step is done
}

func (p *Plan) json() ([]byte, error) { return json.Marshal(p) }
