package main

import (
	"bufio"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/audit/replay"
	"github.com/annals-io/annals/domain"
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
revision that was shown last. A moment before the first event or ahead of what there is is refused;
with --follow, --until may lie ahead. -o cloudevents writes CloudEvents 1.0, one a line.`,
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
	part := replay.Part{Follow: f.follow}
	if part.From, err = parseMoment("--from", f.from); err != nil {
		return err
	}
	if part.Until, err = parseMoment("--until", f.until); err != nil {
		return err
	}
	if from, until := part.From.Revision, part.Until.Revision; from != nil && until != nil && *from > *until {
		return usage("--from is revision %d and --until is revision %d: --from is the earlier one", *from, *until)
	}
	out := bufio.NewWriterSize(a.stdout, 64<<10)
	show := &shower{out: out, pace: replay.Pace{Speed: speed, Clock: f.clock}, printer: replay.Printer{W: out, Form: f.shown()}}
	if len(args) == 1 && isExport(args[0]) {
		if f.follow {
			return usage("--follow: an export does not grow").with("leave it out, or replay the workspace itself")
		}
		err = a.replayExport(ctx, args[0], part, show)
	} else {
		if len(args) == 1 {
			a.global.workspace = args[0]
		}
		err = a.replayServer(ctx, part, show)
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

// parseMoment reads a revision or a time; nothing is no moment.
func parseMoment(flag, text string) (m replay.Moment, err error) {
	if text == "" {
		return m, nil
	}
	if n, err := strconv.ParseInt(text, 10, 63); err == nil && n >= 0 {
		return replay.Moment{Revision: new(domain.Revision(n))}, nil
	}
	t, err := parseTime(text)
	if err != nil {
		return m, usage("%s %q is neither a revision nor a time", flag, text).with("write 4711, 2026-03-01 or 2026-03-01T12:00:00Z")
	}
	return replay.Moment{Time: new(t.UTC())}, nil
}

// outside says that a history has no such part, as questions as of such a moment are answered.
func outside(err error) error {
	var no *replay.OutsideError
	if !errors.As(err, &no) {
		return err
	}
	exit := exitNotFound
	if no.Code == replay.Backward {
		exit = exitUsage
	}
	return &failure{Exit: exit, Code: no.Code, Message: no.Message}
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
