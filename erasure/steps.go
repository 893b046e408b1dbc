package erasure

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// Steps of an erasure, in their order. Each can be done again.
const (
	stepEvents = "events"
	stepKeys   = "keys"
	stepRows   = "rows"
	stepFiles  = "files"
)

// carry does what is left to do of an erasure.
func (d *Desk) carry(ctx context.Context, r row) (row, error) {
	d.work.Lock()
	defer d.work.Unlock()
	if r.state == stateOpen {
		for _, step := range []struct {
			name string
			do   func(context.Context, *row) error
		}{{stepEvents, d.tell}, {stepKeys, d.destroy}, {stepRows, d.empty}} {
			if step.name == d.skip {
				continue
			}
			if err := step.do(ctx, &r); err != nil {
				return r, fmt.Errorf("%s: %w", step.name, err)
			}
			if err := d.passed(step.name); err != nil {
				return r, err
			}
		}
		r.state = stateErased
	}
	if d.skip != stepFiles {
		var err error
		if r.large, err = d.scrub(ctx, r.plan); err != nil {
			return r, fmt.Errorf("%s: %w", stepFiles, err)
		}
	}
	if err := d.passed(stepFiles); err != nil {
		return r, err
	}
	if err := d.done(ctx, r.id); err != nil {
		return r, err
	}
	r.state = stateDone
	return r, nil
}

func (d *Desk) passed(step string) error {
	if d.after == nil {
		return nil
	}
	return d.after(step)
}

// tell writes the events. The command's id is the erasure's, so that doing it again writes nothing.
func (d *Desk) tell(ctx context.Context, r *row) error {
	for i, part := range r.plan.Parts {
		if part.Silent {
			continue
		}
		for n, chunk := range part.chunks() {
			e := domain.SubjectErased{Erasure: r.id, Kind: part.Kind, ID: part.ID, Evidence: chunk}
			if n == 0 {
				e.Keys = part.Keys
			}
			if len(part.Evidence) > domain.MaxErasedEvidence {
				e.Part = n + 1
			}
			var c domain.Command = domain.EraseSubject{SubjectErased: e}
			if r.plan.Person != nil && part.Kind == domain.KindAccount {
				c = domain.ErasePerson{SubjectErased: e}
			}
			command := fmt.Sprintf("erase:%s:%d:%d", r.id, i, n)
			result, err := d.Commands.Execute(ctx, eventstore.Request{
				Stream: part.Stream, CommandID: command, Forever: true, Digest: sha256.Sum256([]byte(command)),
				Meta: domain.Meta{Actor: r.plan.Actor, Reason: r.plan.Reason}, Command: c,
			})
			if err != nil {
				return fmt.Errorf("write to %s: %w", part.Stream, err)
			}
			if i == 0 {
				last := int64(result.Last)
				r.revision = &last
			}
		}
	}
	return nil
}

// chunks cuts the digests of a part into what one event holds; there is one at least.
func (p Part) chunks() (all [][]domain.Digest) {
	left := p.Evidence
	for len(left) > domain.MaxErasedEvidence {
		all, left = append(all, left[:domain.MaxErasedEvidence]), left[domain.MaxErasedEvidence:]
	}
	return append(all, left)
}

// destroy destroys the keys.
func (d *Desk) destroy(_ context.Context, r *row) error {
	for _, part := range r.plan.Parts {
		for _, subject := range part.Keys {
			if err := d.Keys.Destroy(subject); err != nil {
				return err
			}
		}
	}
	return nil
}
