package main

import (
	"cmp"
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/spf13/cobra"
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
	return group("import", "Send recorded events, or a whole history, to a server", nil, a.importHistoryCommand(),
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
			slug := cmp.Or(a.global.workspace, a.profileWorkspace)
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
	if out.accepted+out.duplicates > 0 { // else no revision was told
		m.sum.Revision = max(m.sum.Revision, out.revision)
	}
	m.mu.Unlock()
	m.bar.add(len(b.bodies))
	return err
}
