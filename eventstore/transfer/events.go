package transfer

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// copyEvents reads the source from its beginning, and appends what the target does not have. Events are appended as
// they were: those of one command together.
func (c *copying) copyEvents(ctx context.Context) error {
	total, err := known(ctx, c.from.Pool())
	if err != nil {
		return err
	}
	done := int64(0)
	c.opts.Progress(PhaseCopy, 0, total)
	var open []eventstore.NewEvent // the last command of a page: more of its events may follow
	err = c.pages(ctx, c.from, func(p eventstore.RawPage) error {
		events := p.Events
		for i := range events {
			if events[i].Revision == 0 {
				if err := settleOne(ctx, c.from, events[i].Stream); err != nil {
					return err
				}
			}
			if err := c.source.add(&events[i]); err != nil {
				return err
			}
		}
		groups := grouped(append(open, events...))
		open = nil
		if len(groups) > 0 && len(events) > 0 {
			open = groups[len(groups)-1]
			groups = groups[:len(groups)-1]
		}
		if err := c.append(ctx, groups); err != nil {
			return err
		}
		done += int64(len(events))
		c.opts.Progress(PhaseCopy, done, max(done, total))
		return nil
	})
	if err == nil {
		err = c.append(ctx, grouped(open))
	}
	if err != nil {
		return fmt.Errorf("copy events: %w", err)
	}
	return nil
}

// settleOne brings the tables beside a log up to date with a stream, where they can lag.
func settleOne(ctx context.Context, b Backend, stream domain.Stream) error {
	if s, ok := b.(settler); ok {
		return s.Settle(ctx, stream)
	}
	return nil
}

// grouped puts together the events of each command: they lie one behind the other and share their metadata. The same
// event twice is two commands: one that was forgotten, and carried out again.
func grouped(events []eventstore.NewEvent) (groups [][]eventstore.NewEvent) {
	from := 0
	size := 0
	ids := map[uuid.UUID]bool{}
	for i := range events {
		e := &events[i]
		beside := len(e.Data) + len(e.MetaData) + len(e.Type) + 1<<10
		if i > from {
			before := &events[i-1]
			together := e.Stream == before.Stream && bytes.Equal(e.MetaData, before.MetaData) && !ids[e.EventID] &&
				(commandOf(e.MetaData) != "" || size+beside <= eventstore.MaxSlice)
			if !together {
				groups = append(groups, events[from:i:i])
				from, size = i, 0
				clear(ids)
			}
		}
		ids[e.EventID] = true
		size += beside
	}
	if len(events) > from {
		groups = append(groups, events[from:])
	}
	return groups
}

// commandOf is the command id in an event's metadata.
func commandOf(meta []byte) string {
	var m struct {
		Command string `json:"command"`
	}
	_ = json.Unmarshal(meta, &m) // metadata that is not ours names none
	return m.Command
}

// append writes the groups that the target does not have.
func (c *copying) append(ctx context.Context, groups [][]eventstore.NewEvent) error {
	var missing [][]eventstore.NewEvent
	for _, g := range groups {
		last := domain.NoRevision
		if at := c.target[g[0].Stream]; at != nil {
			last = at.last
		}
		for len(g) > 0 && g[0].Revision <= last {
			g = g[1:]
		}
		if len(g) > 0 {
			missing = append(missing, g)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	sl, err := c.slices(ctx, missing)
	if err != nil {
		return err
	}
	var results []eventstore.SliceResult
	err = c.patiently(ctx, func() (err error) {
		results, err = c.to.Append(ctx, sl)
		return err
	})
	if err != nil {
		return err
	}
	for i, r := range results {
		if r.Err != nil {
			return r.Err
		}
		if r.First != missing[i][0].Revision { // a duplicate of what lies elsewhere
			return &DifferentError{What: fmt.Sprintf("the command %s of stream %s was carried out at revision %d, in the source at %d", sl[i].CommandID, sl[i].Stream, r.First, missing[i][0].Revision)}
		}
		for n := range missing[i] {
			if err := c.target.add(&missing[i][n]); err != nil {
				return err
			}
		}
		c.written += int64(len(missing[i]))
	}
	return nil
}

const rememberedSQL = `SELECT s.name, c.id, c.digest, c.first, c.forever
FROM unnest($1::text[], $2::text[]) AS k (stream, id)
JOIN log.streams s ON s.name = k.stream JOIN log.commands c ON c.stream = s.id AND c.id = k.id`

// slices makes of groups what is appended. A command goes along where the source would still recognise it by these
// events.
func (c *copying) slices(ctx context.Context, groups [][]eventstore.NewEvent) ([]eventstore.Slice, error) {
	sl := make([]eventstore.Slice, len(groups))
	var streams, ids []string
	at := map[eventstore.CommandKey][]int{}
	for i, g := range groups {
		sl[i] = eventstore.Slice{Stream: g[0].Stream, Expected: eventstore.Expected(g[0].Revision - 1), Events: g}
		if id := commandOf(g[0].MetaData); id != "" {
			streams, ids = append(streams, string(g[0].Stream)), append(ids, id)
			key := eventstore.CommandKey{Stream: g[0].Stream, ID: id}
			at[key] = append(at[key], i)
		}
		for n := range g { // what metadata says once more for other tools
			var m domain.Meta
			if json.Unmarshal(g[n].MetaData, &m) == nil {
				g[n].Meta = m
			}
		}
	}
	rows, _ := c.from.Pool().Query(ctx, rememberedSQL, streams, ids)
	var key eventstore.CommandKey
	var digest []byte
	var first domain.Revision
	var forever bool
	_, err := pgx.ForEachRow(rows, []any{&key.Stream, &key.ID, &digest, &first, &forever}, func() error {
		for _, i := range at[key] {
			if groups[i][0].Revision == first {
				sl[i].CommandID, sl[i].RequestDigest, sl[i].Forever = key.ID, domain.Digest(digest), forever
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look up which commands are remembered: %w", err)
	}
	return sl, nil
}

// settle brings the tables beside the target up to date with its log.
func (c *copying) settle(ctx context.Context) error {
	for stream := range c.target {
		if err := settleOne(ctx, c.to, stream); err != nil {
			return err
		}
	}
	return nil
}
