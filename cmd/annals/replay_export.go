package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/url"

	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/audit/replay"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// replayExport prints an export, without a server.
func (a *app) replayExport(ctx context.Context, dir string, part replay.Part, show *shower) error {
	b, err := openBundle(dir)
	if err != nil {
		return err
	}
	extent, err := extentOf(b)
	if err == nil {
		err = part.Check(extent)
	}
	if err != nil {
		return outside(bundleFailure(err))
	}
	show.printer.Source = "urn:annals:" + url.PathEscape(b.Manifest.Instance) + ":" + string(b.Manifest.Workspace)
	source, err := exportSource(b)
	if err != nil {
		return bundleFailure(err)
	}
	start := domain.Revision(0)
	if part.From.Revision != nil {
		start = *part.From.Revision
	}
	var events []eventstore.NewEvent
	print := func() error {
		entries, err := source.Entries(events)
		for i := 0; err == nil && i < len(entries); i++ {
			err = show.show(ctx, &entries[i])
		}
		events = events[:0]
		return err
	}
	for e, err := range b.Events(start) {
		if err != nil {
			return errors.Join(print(), bundleFailure(err))
		}
		if part.From.Time != nil && e.RecordedAt.Before(*part.From.Time) {
			continue
		}
		if part.Until.Past(e) {
			break
		}
		if events = append(events, *e); len(events) == replayPage {
			if err := print(); err != nil {
				return err
			}
		}
	}
	return print()
}

// extentOf is how much of a history an export has.
func extentOf(b *bundle.Bundle) (replay.Extent, error) {
	m := &b.Manifest
	x := replay.Extent{Name: "the export of " + string(m.Workspace), Last: m.Last, Now: m.ExportedAt, Whose: "the time at which it was exported"}
	for e, err := range b.Events(0) {
		if err != nil {
			return x, err
		}
		x.First = e.RecordedAt
		break
	}
	return x, nil
}

// exportSource has what an export holds besides its events.
func exportSource(b *bundle.Bundle) (replay.Source, error) {
	names, err := b.Names()
	if err != nil {
		return replay.Source{}, err
	}
	known := map[bundle.Hash]string{}
	for _, n := range names {
		known[n.Digest] = n.Value
	}
	bodies, err := b.Bodies()
	if err != nil {
		return replay.Source{}, err
	}
	return replay.Source{
		Name: func(p domain.Personal) (string, bool) {
			value, ok := known[sha256.Sum256(p.Sealed)]
			return value, ok
		},
		Bodies: bodies.Read,
	}, nil
}
