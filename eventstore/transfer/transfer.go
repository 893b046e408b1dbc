// Package transfer copies an instance from one event store to another, in either direction: the log event by event,
// and what lies in the database beside it (evidence, the commands that are recognised again, API keys).
//
// What the copy keeps is all that an answer can depend on: streams, revisions, event ids, times, subjects, data and
// metadata byte for byte, and which events were appended by which command. Positions differ; they are internal, and
// the read models of the copy are built from its own log.
//
// There is no record of how far a copy is. The target itself says it: [Run] first compares what lies there with the
// beginning of the source, then goes on behind it. So a copy may be killed at any moment and run again, and whatever
// it finds in the target that is not the source's is refused before anything is written.
//
// At the end the whole target is read again. A chain of hashes over each stream, computed alike on both sides from
// what is stored there, must be the same, and so must the rows beside the log.
package transfer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// Backend is a log with the database that it lies in or beside.
type Backend interface {
	eventstore.Appender
	eventstore.RawReader
	Pool() *pgxpool.Pool
}

// A settler has tables beside its log that may lag behind it.
type settler interface {
	Settle(ctx context.Context, stream domain.Stream) error
}

// What a copy does, one after the other, in words that go behind a number.
const (
	PhaseLook     = "events of the target looked at"
	PhaseCompare  = "events compared with it"
	PhaseEvidence = "bodies of evidence copied"
	PhaseCopy     = "events copied"
	PhaseVerify   = "events verified"
)

// Options say how a copy is made. Zero fields are good defaults.
type Options struct {
	PageEvents int           // read and written at once; default 500
	Patience   time.Duration // how long a store may be away before the copy gives up; default 1 minute
	// Progress is told what is being done, how many things of how many are done. Total may grow.
	Progress func(phase string, done, total int64)
}

// A Report says what a finished copy holds, and what this run did for it.
type Report struct {
	Streams  int    `json:"streams"`
	Events   int64  `json:"events"`
	Written  int64  `json:"written"` // of the events, in this run
	Evidence int64  `json:"evidence"`
	Commands int64  `json:"commands"` // that are recognised again
	Keys     int64  `json:"keys"`
	Seals    int64  `json:"checkpoints"`
	Digest   string `json:"digest"` // of all chains: equal on both sides
}

// A copying is one copy under way.
type copying struct {
	from, to Backend
	opts     Options
	source   chains // as far as the source was read
	target   chains // as the target was found, moved on by what is written
	reach    *reach // how far the target's log is sealed; nil: nothing is, on one of the two sides
	written  int64
}

// Run copies from one backend to another, or goes on with a copy that was begun, and verifies it. Both databases must
// be migrated. Errors: *BusyError (a server or another copy is at work on one of the two), *ForeignError (the target
// holds what the source does not), *DifferentError (the copy is not what the source is), *MovedError (the source was
// written to meanwhile), and those of the stores.
func Run(ctx context.Context, from, to Backend, opts Options) (Report, error) {
	if opts.PageEvents <= 0 {
		opts.PageEvents = 500
	}
	if opts.Patience <= 0 {
		opts.Patience = time.Minute
	}
	if opts.Progress == nil {
		opts.Progress = func(string, int64, int64) {}
	}
	c := &copying{from: from, to: to, opts: opts, source: chains{}}
	release, err := c.hold(ctx)
	if err != nil {
		return Report{}, err
	}
	defer release()
	for _, step := range []func(context.Context) error{c.look, c.copyEvidence, c.copyKeys, c.copyEvents, c.settle, c.prune, c.verify, c.copySeals, c.still} {
		if err := step(ctx); err != nil {
			return Report{}, err
		}
	}
	return c.report(ctx)
}

// look finds out what lies in the target, and refuses what is none of the source's.
func (c *copying) look(ctx context.Context) error {
	if err := foreignKeys(ctx, c.from.Pool(), c.to.Pool()); err != nil {
		return err
	}
	if err := foreignSeals(ctx, c.from.Pool(), c.to.Pool()); err != nil {
		return err
	}
	if err := foreignRows(ctx, c.to); err != nil {
		return err
	}
	total, err := known(ctx, c.to.Pool())
	if err != nil {
		return err
	}
	if c.target, err = c.read(ctx, c.to, PhaseLook, total, nil); err != nil {
		return fmt.Errorf("look at the target: %w", err)
	}
	if len(c.target) == 0 {
		return nil
	}
	if total, err = known(ctx, c.from.Pool()); err != nil {
		return err
	}
	prefix, err := c.read(ctx, c.from, PhaseCompare, total, c.target)
	if err != nil {
		return fmt.Errorf("read the source: %w", err)
	}
	for _, stream := range slices.Sorted(maps.Keys(c.target)) {
		if at, ok := prefix[stream]; !ok || *at != *c.target[stream] {
			return c.explain(ctx, stream, true)
		}
	}
	return nil
}

// read computes the chains of a log; where goals are given, only up to them.
func (c *copying) read(ctx context.Context, b Backend, phase string, total int64, goals chains) (chains, error) {
	found := chains{}
	done := int64(0)
	c.opts.Progress(phase, 0, total)
	err := c.pages(ctx, b, func(p eventstore.RawPage) error {
		for i := range p.Events {
			e := &p.Events[i]
			if goals != nil && (goals[e.Stream] == nil || e.Revision > goals[e.Stream].last) {
				continue
			}
			if err := found.add(e); err != nil {
				return err
			}
		}
		if phase == PhaseVerify && c.reach != nil {
			c.reach.pass(p)
		}
		done += int64(len(p.Events))
		c.opts.Progress(phase, done, max(done, total))
		return nil
	})
	return found, err
}

// pages reads a log from its beginning to its end. A store that is away for a moment is waited for.
func (c *copying) pages(ctx context.Context, b Backend, take func(eventstore.RawPage) error) error {
	var at eventstore.Position
	for {
		var p eventstore.RawPage
		err := c.patiently(ctx, func() (err error) {
			p, err = b.ReadRaw(ctx, at, c.opts.PageEvents)
			return err
		})
		if err != nil {
			return err
		}
		if err := take(p); err != nil {
			return err
		}
		if at = p.Next; p.CaughtUp {
			return nil
		}
	}
}

// verify reads the whole target again and compares.
func (c *copying) verify(ctx context.Context) error {
	both := true
	for _, pool := range []*pgxpool.Pool{c.from.Pool(), c.to.Pool()} {
		have, err := sealed(ctx, pool)
		if err != nil {
			return err
		}
		both = both && have
	}
	if both {
		var err error
		if c.reach, err = reachOf(ctx, c.from.Pool()); err != nil {
			return err
		}
	}
	got, err := c.read(ctx, c.to, PhaseVerify, c.source.events(), nil)
	if err != nil {
		return fmt.Errorf("read the copy: %w", err)
	}
	names := maps.Clone(c.source)
	maps.Copy(names, got)
	for _, stream := range slices.Sorted(maps.Keys(names)) {
		here, there := c.source[stream], got[stream]
		if here == nil || there == nil || *here != *there {
			return c.explain(ctx, stream, false)
		}
	}
	for _, t := range besides {
		if err := t.compare(ctx, c.from.Pool(), c.to.Pool()); err != nil {
			return err
		}
	}
	return sameKeys(ctx, c.from.Pool(), c.to.Pool())
}

// still makes sure that what was copied is still all there is.
func (c *copying) still(ctx context.Context) error {
	if err := c.idle(ctx); err != nil {
		return err
	}
	total, err := known(ctx, c.from.Pool())
	if err == nil && total != c.source.events() {
		err = &MovedError{Copied: c.source.events(), Found: total}
	}
	return err
}

func (c *copying) report(ctx context.Context) (Report, error) {
	r := Report{Streams: len(c.source), Events: c.source.events(), Written: c.written, Digest: c.source.digest()}
	err := c.to.Pool().QueryRow(ctx, `SELECT (SELECT count(*) FROM log.evidence), (SELECT count(*) FROM log.commands)`).Scan(&r.Evidence, &r.Commands)
	if err != nil {
		return r, fmt.Errorf("count what was copied: %w", err)
	}
	if r.Keys, err = countKeys(ctx, c.to.Pool()); err == nil {
		r.Seals, err = countSeals(ctx, c.to.Pool())
	}
	return r, err
}

// digest is one digest of all chains.
func (cs chains) digest() string {
	h := sha256.New()
	for _, stream := range slices.Sorted(maps.Keys(cs)) {
		fmt.Fprintf(h, "%d:%s%d", len(stream), stream, cs[stream].last)
		h.Write(cs[stream].sum[:])
	}
	return hex.EncodeToString(h.Sum(nil))
}
