package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/annals-io/annals/ingest/foreign"
)

// The size of one request of an import: enough for one commit, small enough to be answered soon.
const (
	eventsAtOnce = 500
	bytesAtOnce  = 2 << 20
)

// importFlags are those of both imports.
type importFlags struct {
	connections int
	patience    time.Duration
}

func (a *app) importCommand() *cobra.Command {
	return group("import", "Send recorded events to a server", nil,
		a.importOf("openlineage", "Send OpenLineage events", `Send recorded OpenLineage events to a server: files of an event a line, arrays of events, single
events, any of them gzipped, or - for standard input.

Sending the same events again changes nothing: they are known as duplicates. So an import that was
cut off is taken up by running the same command again.`, openLineageSender),
		a.importOf("events", "Send native run events (NDJSON)", `Send native run events to a server, an event a line: the rows of POST /v1/workspaces/{slug}/events.

Every event has an id of its own, so sending it again changes nothing.`, nativeSender))
}

func (a *app) importOf(what, short, long string, protocol func(*client, string) sender) *cobra.Command {
	var f importFlags
	cmd := &cobra.Command{
		Use: what + " FILE...", Short: short, Long: long, Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.connections < 1 || f.connections > 64 {
				return usage("--connections %d is not 1 to 64", f.connections)
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			c.patience = f.patience
			slug := a.global.workspace
			if slug == "" && what == "events" { // its address names the workspace
				if slug, err = a.inWorkspace(cmd.Context(), c); err != nil {
					return err
				}
			}
			return a.runImport(cmd.Context(), c, protocol(c, slug), args, f)
		},
	}
	cmd.Flags().IntVar(&f.connections, "connections", 4, "how many requests are under way at once")
	cmd.Flags().DurationVar(&f.patience, "patience", time.Minute, "how long to go on trying when the server is overloaded or away")
	setting(cmd.Flags(), "connections", "patience")
	return cmd
}

// place is where an event lies in the sources.
type place struct {
	file string
	line int
}

func (p place) String() string { return fmt.Sprintf("%s:%d", p.file, p.line) }

// batch is what one request carries.
type batch struct {
	bodies [][]byte
	places []place
	bytes  int
}

// rejection is an event that was not taken.
type rejection struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Code    string `json:"code"`
	Path    string `json:"path,omitempty"`
	Message string `json:"message"`
}

// maxRejections bounds what is remembered of a file that is no such file at all.
const maxRejections = 10_000

// imported is the summary of an import.
type imported struct {
	Read       int         `json:"read"`
	Accepted   int         `json:"accepted"`
	Duplicates int         `json:"duplicates"`
	Rejected   int         `json:"rejected"`
	Revision   int64       `json:"revision"` // read at least this to see all of it; -1: nothing was taken
	Seconds    float64     `json:"seconds"`
	Complete   bool        `json:"complete"` // false: it was interrupted or failed, and what is missing can be sent again
	Rejections []rejection `json:"rejections"`
}

// importing is one import under way. mu guards the summary.
type importing struct {
	mu  sync.Mutex
	sum imported
	bar *progress
}

func (m *importing) reject(at place, code, path, message string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sum.Rejected++
	if len(m.sum.Rejections) < maxRejections {
		m.sum.Rejections = append(m.sum.Rejections, rejection{at.file, at.line, code, path, message})
	}
}

// runImport reads, sends over several connections, and sums up. An interrupt ends the reading; what is on its way is
// finished first.
func (a *app) runImport(ctx context.Context, c *client, send sender, files []string, f importFlags) error {
	total, err := sizeOf(files)
	if err != nil {
		return err
	}
	reading, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	m := &importing{bar: a.startProgress("events", total)}
	m.sum = imported{Revision: -1, Rejections: []rejection{}}
	began := time.Now()

	batches, finished := make(chan batch), make(chan struct{})
	var senders sync.WaitGroup
	for range f.connections {
		senders.Go(func() {
			for {
				select {
				case b := <-batches:
					if err := m.deliver(context.WithoutCancel(ctx), send, b); err != nil {
						stop(err)
					}
				case <-finished:
					return
				}
			}
		})
	}
	read := make(chan error, 1)
	go func() { read <- m.readAll(reading, files, a.stdin, batches) }()
	select {
	case err = <-read:
	case <-reading.Done(): // a source that says nothing is not waited for
		err = context.Cause(reading)
	}
	close(finished)
	senders.Wait()
	if err == nil {
		err = context.Cause(reading) // what the last batches met
	}
	m.bar.stop()
	m.mu.Lock()
	sum := m.sum
	m.mu.Unlock()
	sum.Seconds, sum.Complete = time.Since(began).Seconds(), err == nil
	a.awaitReadable(ctx, c, sum.Revision)
	return a.concludeImport(sum, err)
}

// awaitReadable waits until what was sent can be read, so that the next command sees it. That is a courtesy: a key that
// may not read has nothing to wait for, and a server that is behind catches up by itself.
func (a *app) awaitReadable(ctx context.Context, c *client, revision int64) {
	slug, err := a.inWorkspace(ctx, c)
	if err != nil || revision < 0 {
		return
	}
	var seen json.RawMessage
	const operation = `query($slug: String!, $at: Int64) { workspace(slug: $slug, atLeast: $at, timeoutMs: 5000) { slug } }`
	_ = c.query(ctx, operation, map[string]any{"slug": slug, "at": revision}, &seen)
}

// deliver sends one batch and counts what became of it.
func (m *importing) deliver(ctx context.Context, send sender, b batch) error {
	out, err := send(ctx, b, m.reject)
	m.mu.Lock()
	m.sum.Accepted += out.accepted
	m.sum.Duplicates += out.duplicates
	m.sum.Revision = max(m.sum.Revision, out.revision)
	m.mu.Unlock()
	m.bar.add(len(b.bodies))
	return err
}

func sizeOf(files []string) (int64, error) {
	var total int64
	for _, name := range files {
		if name == "-" {
			return 0, nil
		}
		info, err := os.Stat(name)
		if err != nil {
			return 0, &failure{Exit: exitNotFound, Code: "not_found", Message: err.Error()}
		}
		if info.IsDir() {
			return 0, usage("%s is a directory", name).with("name the files in it: %s/*", strings.TrimSuffix(name, "/"))
		}
		if !info.Mode().IsRegular() {
			return 0, nil
		}
		total += info.Size()
	}
	return total, nil
}

func (m *importing) readAll(ctx context.Context, files []string, stdin io.Reader, to chan<- batch) error {
	for _, name := range files {
		source := stdin
		if name != "-" {
			file, err := os.Open(name)
			if err != nil {
				return err
			}
			defer file.Close()
			source = file
		} else {
			name = "standard input"
		}
		if err := m.readOne(ctx, name, counted{source, m.bar}, to); err != nil {
			return err
		}
	}
	return nil
}

// readOne cuts one source into batches. A body that is no JSON is rejected here, in the words the server would use: in
// a batch it would blur its neighbours.
func (m *importing) readOne(ctx context.Context, name string, source io.Reader, to chan<- batch) error {
	var b batch
	flush := func() error {
		if len(b.bodies) == 0 {
			return nil
		}
		select {
		case to <- b:
			b = batch{}
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	bodies := foreign.NewSplitter(source, 0)
	if base := strings.TrimSuffix(name, ".gz"); strings.HasSuffix(base, ".ndjson") || strings.HasSuffix(base, ".jsonl") {
		bodies.Lines()
	}
	for item, err := range bodies.All() {
		if err != nil {
			return errors.Join(flush(), fmt.Errorf("read %s: %w", name, err))
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		m.mu.Lock()
		m.sum.Read++
		m.mu.Unlock()
		at := place{name, item.Line}
		if no := checked(item); no != nil {
			m.reject(at, string(no.Code), no.Path, no.Message)
			m.bar.add(1)
			continue
		}
		if b.bytes+len(item.Body) > bytesAtOnce || len(b.bodies) == eventsAtOnce {
			if err := flush(); err != nil {
				return err
			}
		}
		b.bodies, b.places, b.bytes = append(b.bodies, item.Body), append(b.places, at), b.bytes+len(item.Body)
	}
	return flush()
}

// checked is the refusal of a body that is not one JSON value.
func checked(item foreign.Item) *foreign.Refusal {
	if item.No != nil {
		return item.No
	}
	var no *foreign.Refusal
	if _, err := foreign.Scan(item.Body, foreign.Limits{}); errors.As(err, &no) {
		return no
	}
	return nil
}

// concludeImport prints the summary and says by the exit code whether all went in.
func (a *app) concludeImport(sum imported, err error) error {
	if perr := a.printObject(rawJSON(sum), func(w io.Writer, _ row) error { return sum.write(w) }); perr != nil {
		return perr
	}
	switch {
	case errors.Is(err, context.Canceled):
		f := *errInterrupted
		return (&f).with("run the same command again to send the rest: what was taken is known and changes nothing")
	case err != nil:
		f := *failureOf(err)
		if f.Hint == "" {
			f.Hint = "run the same command again to send the rest: what was taken is known and changes nothing"
		}
		return &f
	case sum.Rejected > 0:
		return &failure{Exit: exitPartly, Code: "partly_rejected", Message: fmt.Sprintf("%s of %s events were rejected", grouped(sum.Rejected), grouped(sum.Read))}
	}
	return nil
}

// shownRejections is how many a person is shown.
const shownRejections = 50

func (s imported) write(w io.Writer) error {
	rate := 0.0
	if s.Seconds > 0 {
		rate = float64(s.Accepted+s.Duplicates) / s.Seconds
	}
	err := facts(w, "read", grouped(s.Read), "accepted", grouped(s.Accepted), "duplicates", grouped(s.Duplicates), "rejected", grouped(s.Rejected),
		"took", fmt.Sprintf("%.1f s (%s/s)", s.Seconds, grouped(int(rate))))
	for i, r := range s.Rejections {
		if i == shownRejections {
			_, err = fmt.Fprintf(w, "... and %s more: -o json lists them\n", grouped(s.Rejected-i))
			break
		}
		where := r.Path
		if where != "" {
			where += ": "
		}
		if _, err = fmt.Fprintf(w, "%s:%d: %s%s (%s)\n", r.File, r.Line, clean(where), clean(r.Message), r.Code); err != nil {
			break
		}
	}
	return err
}
