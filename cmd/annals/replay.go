package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/audit/replay"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// replayFlags are those of a replay.
type replayFlags struct {
	from, until string
	speed       string
	follow      bool
	form        string

	clock replay.Clock // nil: that on the wall
}

func (a *app) replayCommand() *cobra.Command {
	f := replayFlags{form: replay.Compact}
	cmd := &cobra.Command{
		Use: "replay [WORKSPACE|DIR]", Short: "Print the history of a workspace as it happened", Args: cobra.MaximumNArgs(1),
		Long: `Print the history of a workspace, the oldest event first, as it happened: as fast as it can be read, or
with the pauses there were, at --speed 1x or any other.

  annals replay lab --speed 100x                 a day in a quarter of an hour
  annals replay lab --from 1200 --until 1300     a part of it
  annals replay lab --until 2026-03-01T12:00:00Z -o json
  annals replay lab --follow                     and whatever comes
  annals replay ./lab-export                     an export that lies here, without any server

What was erased is shown as "erased". A replay that was interrupted goes on by --from, one after the
revision that was shown last. -o cloudevents writes CloudEvents 1.0, one a line.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.form = f.shown(); f.form != replay.Compact {
				a.global.output = "json" // of failures
			}
			return a.replay(cmd.Context(), f, args)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&f.from, "from", "", "begin with this `moment`: a revision or a time")
	fs.StringVar(&f.until, "until", "", "end with this `moment`: a revision or a time")
	fs.StringVar(&f.speed, "speed", "max", "how fast: max, or 10x for ten times as fast as it happened")
	fs.BoolVarP(&f.follow, "follow", "f", false, "go on showing what is recorded")
	fs.VarP(oneOf{&f.form, []string{replay.Compact, replay.JSON, replay.CloudEvents, "table", "ndjson"}}, "output", "o", "form of the output")
	return cmd
}

// replay prints what a server or an export has.
func (a *app) replay(ctx context.Context, f replayFlags, args []string) error {
	speed, err := replay.ParseSpeed(f.speed)
	if err != nil {
		return usage("--speed: %v", err)
	}
	if f.clock == nil {
		f.clock = replay.Wall{}
	}
	var from, until replayMoment
	for _, m := range []struct {
		flag, text string
		to         *replayMoment
	}{{"--from", f.from, &from}, {"--until", f.until, &until}} {
		if err := m.to.parse(m.flag, m.text); err != nil {
			return err
		}
	}
	out := bufio.NewWriterSize(a.stdout, 64<<10)
	show := &shower{out: out, pace: replay.Pace{Speed: speed, Clock: f.clock}, printer: replay.Printer{W: out, Form: f.shown()}}
	if len(args) == 1 && isExport(args[0]) {
		if f.follow {
			return usage("--follow: an export does not grow").with("leave it out, or replay the workspace itself")
		}
		err = a.replayExport(ctx, args[0], from, until, show)
	} else {
		if len(args) == 1 {
			a.global.workspace = args[0]
		}
		err = a.replayServer(ctx, f, from, until, show)
	}
	return errors.Join(err, out.Flush())
}

// shown is the form by its own name: the words that other commands have for them are taken too.
func (f replayFlags) shown() string {
	switch f.form {
	case "table":
		return replay.Compact
	case "ndjson":
		return replay.JSON
	}
	return f.form
}

// isExport says whether a word is the directory of an export, and no workspace.
func isExport(word string) bool {
	if strings.ContainsRune(word, filepath.Separator) || strings.HasPrefix(word, ".") {
		return true
	}
	_, err := os.Stat(filepath.Join(word, bundle.ManifestFile))
	return err == nil
}

func (m *replayMoment) parse(flag, text string) error {
	if text == "" {
		return nil
	}
	if n, err := strconv.ParseInt(text, 10, 63); err == nil && n >= 0 {
		m.revision = new(domain.Revision(n))
		return nil
	}
	t, err := parseTime(text)
	if err != nil {
		return usage("%s %q is neither a revision nor a time", flag, text).with("write 4711, 2026-03-01 or 2026-03-01T12:00:00Z")
	}
	t = t.UTC()
	m.time = &t
	return nil
}

// query is the moment as a parameter of a request.
func (m replayMoment) query(q url.Values, name string) {
	switch {
	case m.revision != nil:
		q.Set(name, strconv.FormatInt(int64(*m.revision), 10))
	case m.time != nil:
		q.Set(name, m.time.Format(time.RFC3339Nano))
	}
}

// A shower prints entries when they are due. What was printed is seen before anything is waited for.
type shower struct {
	out     *bufio.Writer
	pace    replay.Pace
	printer replay.Printer
}

func (s *shower) show(ctx context.Context, e *replay.Entry) error {
	if s.pace.Left(e.RecordedAt) > 0 {
		if err := s.out.Flush(); err != nil {
			return err
		}
	}
	if err := s.pace.Due(ctx, e.RecordedAt); err != nil {
		return err
	}
	return s.printer.Print(e)
}

// replayServer prints what a server sends. A connection that is lost is taken up where it broke.
func (a *app) replayServer(ctx context.Context, f replayFlags, from, until replayMoment, show *shower) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	slug, err := a.inWorkspace(ctx, c)
	if err != nil {
		return err
	}
	c.endless(a)
	show.printer.Source = c.base + "/workspaces/" + slug
	for {
		q := url.Values{}
		from.query(q, "from")
		until.query(q, "until")
		if f.follow {
			q.Set("follow", "true")
		}
		last, err := a.replayOnce(ctx, c, "/v1/workspaces/"+url.PathEscape(slug)+"/replay?"+q.Encode(), show)
		if last >= 0 {
			from = replayMoment{revision: new(domain.Revision(last + 1))}
		}
		var no *failure
		var lost *lostError
		switch {
		case err == nil || ctx.Err() != nil:
			return errors.Join(err, ctx.Err())
		case errors.As(err, &no) && no.Code == "unreachable", errors.As(err, &lost):
		default:
			return err
		}
		if err := show.out.Flush(); err != nil {
			return err
		}
		fmt.Fprintf(a.stderr, "annals: the connection was lost (%v): trying again\n", err)
		if err := sleep(ctx, time.Second); err != nil {
			return err
		}
	}
}

// A lostError says that an answer ended before its end.
type lostError struct{ cause error }

func (e *lostError) Error() string { return e.cause.Error() }

// replayOnce prints one answer, and says the revision it came to; negative: none.
func (a *app) replayOnce(ctx context.Context, c *client, path string, show *shower) (last int64, err error) {
	last = -1
	resp, err := c.send(ctx, http.MethodGet, path, http.Header{"Accept": {"application/x-ndjson"}}, nil)
	if err != nil {
		return last, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20)) // whatever can be read of it
		return last, refusal(resp.StatusCode, text)
	}
	in := bufio.NewReaderSize(resp.Body, 256<<10)
	for {
		line, err := in.ReadBytes('\n')
		switch {
		case errors.Is(err, io.EOF) && len(line) == 0:
			return last, nil
		case err != nil:
			return last, &lostError{err}
		case len(bytes.TrimSpace(line)) == 0:
		default:
			var e replay.Entry
			if err := json.Unmarshal(line, &e); err != nil {
				return last, fmt.Errorf("read the server's answer: %w", err)
			}
			if err := show.show(ctx, &e); err != nil {
				return last, err
			}
			last = e.Revision
		}
		if in.Buffered() == 0 {
			if err := show.out.Flush(); err != nil {
				return last, err
			}
		}
	}
}

// replayExport prints an export, without a server.
func (a *app) replayExport(ctx context.Context, dir string, from, until replayMoment, show *shower) error {
	b, err := openBundle(dir)
	if err != nil {
		return err
	}
	show.printer.Source = "urn:annals:" + b.Manifest.Instance + ":" + string(b.Manifest.Workspace)
	source, err := exportSource(b)
	if err != nil {
		return bundleFailure(err)
	}
	start := domain.Revision(0)
	if from.revision != nil {
		start = *from.revision
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
		if from.time != nil && e.RecordedAt.Before(*from.time) {
			continue
		}
		if until.past(e) {
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
