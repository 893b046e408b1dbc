package verify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/audit/leaf"
	"github.com/annals-io/annals/audit/tree"
	"github.com/annals-io/annals/domain"
)

// A hashed is one file of events, read and hashed.
type hashed struct {
	file     bundle.File
	err      error
	failures []Failure
	leaves   []tlog.Hash
	bodies   []domain.Digest // raw bodies that its events name
}

// events hashes the files of events side by side, and grows the tree in order.
func (v *verification) events(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	bodies := func(map[domain.Digest]bool) error { return nil }
	if v.checks(texts) {
		bodies = v.readBodies()
	}
	files := v.b.EventFiles()
	done := make([]chan *hashed, len(files))
	for i := range done {
		done[i] = make(chan *hashed, 1)
	}
	ahead := make(chan struct{}, 2*v.Workers) // files that are in memory at once
	var workers sync.WaitGroup
	defer workers.Wait()
	next := make(chan int)
	for range v.Workers {
		workers.Go(func() {
			for i := range next {
				done[i] <- v.hash(files[i])
			}
		})
	}
	workers.Go(func() {
		defer close(next)
		for i := range files {
			select {
			case ahead <- struct{}{}:
			case <-ctx.Done():
				return
			}
			select {
			case next <- i:
			case <-ctx.Done():
				return
			}
		}
	})
	g := &growing{verification: v, bodies: map[domain.Digest]bool{}}
	g.compare()
	for i := range files {
		select {
		case h := <-done[i]:
			<-ahead
			if h.err != nil {
				return h.err
			}
			g.add(h)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	g.end()
	return bodies(g.bodies)
}

// hash reads one file of events: its digest, its lines, and their leaves.
func (v *verification) hash(f bundle.File) *hashed {
	h := &hashed{file: f}
	content, err := os.ReadFile(filepath.Join(v.b.Dir(), f.Name))
	if errors.Is(err, fs.ErrNotExist) {
		h.fail(v, -1, 0, "it is missing")
		return h
	}
	if err != nil {
		h.err = fmt.Errorf("read %s: %w", f.Name, err)
		return h
	}
	if v.checks(digests) && (int64(len(content)) != f.Size || sha256.Sum256(content) != f.SHA256) {
		h.fail(v, -1, 0, "its content is not what the manifest says")
	}
	if n := int64(bytes.Count(content, []byte("\n"))); v.checks(digests) && n != f.Lines {
		h.fail(v, -1, 0, "it has %d lines, and %d in the manifest", n, f.Lines)
	}
	due := int64(f.First)
	h.leaves = make([]tlog.Hash, 0, max(0, min(f.Lines, int64(len(content)/200)+1)))
	for number := int64(1); len(content) > 0; number++ {
		line, rest, whole := bytes.Cut(content, []byte("\n"))
		content = rest
		e, err := bundle.ParseEvent(line)
		if err == nil && !whole {
			err = errors.New("the line is cut")
		}
		if err != nil {
			h.fail(v, due, number, "%v", err)
			return h
		}
		if v.checks(revisions) {
			if int64(e.Revision) != due {
				h.fail(v, due, number, "revision %d stands in its place", e.Revision)
				return h
			}
			if origin := v.b.Manifest.OriginOf(e.Revision); e.Stream != origin {
				h.fail(v, due, number, "the event is of %s, and not of %s", e.Stream, origin)
				return h
			}
		}
		due++
		l := leaf.Of(&e)
		h.leaves = append(h.leaves, l.Hash())
		if d, ok := body(e.MetaData); ok {
			h.bodies = append(h.bodies, d)
		}
	}
	return h
}

func (h *hashed) fail(v *verification, revision, line int64, format string, args ...any) {
	h.failures = append(h.failures, Failure{Stream: v.Stream, Revision: revision, File: h.file.Name, Line: line, Reason: fmt.Sprintf(format, args...)})
}

// bodyMember is how metadata name the raw body that an event was taken from.
var bodyMember = []byte(`"evidence":"`)

func body(meta []byte) (d domain.Digest, ok bool) {
	i := bytes.Index(meta, bodyMember)
	if i < 0 || len(meta) < i+len(bodyMember)+64 {
		return d, false
	}
	from := i + len(bodyMember)
	return d, d.UnmarshalText(meta[from:from+64]) == nil
}

// growing is the tree of the events, held against each root that is expected of it.
type growing struct {
	*verification
	tree   tree.Frontier
	good   int64 // the largest size at which a signed root fitted
	kept   int64 // the same of those that the auditor kept
	bad    bool  // one did not: what comes behind cannot fit either
	cut    bool  // a file could not be read to its end
	bodies map[domain.Digest]bool
}

func (g *growing) add(h *hashed) {
	for _, f := range h.failures {
		g.verification.add(f)
		g.cut = true
	}
	if size := g.tree.Size(); int64(h.file.First) != size && !g.cut && g.checks(revisions) {
		g.fail(size, h.file.Name, "it begins with revision %d, and %d is due", h.file.First, size)
		g.cut = true
	}
	for _, l := range h.leaves {
		g.tree.Add(l, nil)
		g.compare()
	}
	for _, d := range h.bodies {
		g.bodies[d] = true
	}
	if g.Progress != nil {
		g.Progress(g.tree.Size(), g.b.Manifest.Counts.Events)
	}
}

// compare holds the tree against what was signed of it at this size.
func (g *growing) compare() {
	size := g.tree.Size()
	wants, ok := g.want[size]
	if !ok || !g.checks(roots) {
		return
	}
	root := g.tree.Root()
	for _, want := range wants {
		switch {
		case want.Root != root && want.file == "":
			g.fail(g.kept, "", "the checkpoint of %d events that was kept has another root: history was changed since, between revision %d and %d", size, g.kept, size-1)
		case want.Root != root && !g.bad:
			g.fail(g.good, bundle.EventsPrefix+"*", "the events from revision %d to %d are not those that were sealed: a checkpoint of %d has the root %s, and they have %s", g.good, size-1, size, want.Root, root)
			g.bad = true
		case want.Root == root && want.file == "":
			g.Report.Since++
			g.kept = size
		case want.Root == root:
			g.Checkpoints++
			g.good = size
		}
	}
}

// end says what is left over.
func (g *growing) end() {
	size := g.tree.Size()
	g.Events = size
	root := g.tree.Root()
	g.Root = base64.StdEncoding.EncodeToString(root[:])
	m := &g.b.Manifest
	if size != m.Counts.Events || size != int64(m.Last)+1 {
		g.fail(size, bundle.ManifestFile, "it tells of %d events up to revision %d, and there are %d", m.Counts.Events, m.Last, size)
	}
	if g.checks(digests) && m.Root != bundle.Hash(root) && !g.bad && !g.cut {
		g.fail(-1, bundle.ManifestFile, "its root is not that of the events")
	}
	if !g.checks(covered) || g.last.Note == nil {
		return
	}
	switch {
	case size > g.last.Size:
		g.fail(g.last.Size, "", "nobody has signed the events from revision %d to %d: the last checkpoint is of %d", g.last.Size, size-1, g.last.Size)
	case size < g.last.Size:
		g.fail(size, "", "the last checkpoint is of %d events, and there are %d: the others were dropped", g.last.Size, size)
	}
}
