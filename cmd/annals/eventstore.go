package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/transfer"
)

func (a *app) eventstoreCommand() *cobra.Command {
	return group("eventstore", "Where events are kept", nil, a.eventstoreCopyCommand())
}

// copyFlags are the settings of a copy.
type copyFlags struct {
	from, to  instancePlace
	cache     string
	binaries  string
	patience  time.Duration
	pageLimit int // events at once; 0: the default. Tests make many small steps
}

func (a *app) eventstoreCopyCommand() *cobra.Command {
	var f copyFlags
	f.from.side, f.to.side = "from", "to"
	cmd := &cobra.Command{
		Use: "copy --from X --to Y", Short: "Copy an instance from one event store to another, in either direction", Args: cobra.NoArgs,
		Long: `Copy an instance to another place: its events, and beside them the evidence, API keys and people, known
commands, what was imported and erased, and the signed seals. X and Y are what serve takes: a data directory, postgres://… or esdb://…. An event
store needs a database beside it: --from-database and --to-database, each a data directory or
postgres://….

  annals eventstore copy --from annals-data --to 'esdb://user:password@host:2113' --to-database annals-esdb
  annals serve --data annals-esdb --eventstore 'esdb://user:password@host:2113'

Revisions, event ids, times, metadata and what is recognised as a duplicate stay as they are. The
source is only read. Stop its server first: a copy is refused while one is connected to either
side. A copy that was cut off, however that happened, is taken up by running the same command
again. A target that holds anything of another instance is refused before anything is written to it. At the
end both sides are compared, event by event.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.copyInstance(cmd.Context(), f) },
	}
	fs := cmd.Flags()
	fs.StringVar(&f.from.where, "from", "", "what to copy: a data directory, postgres://… or esdb://…")
	fs.StringVar(&f.to.where, "to", "", "where to: a data directory, postgres://… or esdb://…")
	fs.StringVar(&f.from.beside, "from-database", "", "the database beside the event store that is copied: a data directory or postgres://…")
	fs.StringVar(&f.to.beside, "to-database", "", "the database beside the event store that is copied to")
	fs.StringVar(&f.from.prefix, "from-prefix", "", "the --eventstore-prefix of the source")
	fs.StringVar(&f.to.prefix, "to-prefix", "", "the --eventstore-prefix of the target")
	fs.StringVar(&f.to.ownerURL, "to-owner-url", "", "`URL` of the target's database for the role that migrates it, where that is another")
	fs.StringVar(&f.cache, "cache", "", "`directory` for fetched PostgreSQL binaries; without one, the user's cache")
	fs.StringVar(&f.binaries, "postgres-bin", "", "`directory` of installed PostgreSQL binaries to use instead of fetched ones")
	fs.DurationVar(&f.patience, "patience", time.Minute, "how long to go on trying when a store is away")
	setting(fs, "cache", "postgres-bin", "patience")
	return cmd
}

// copied is what a finished copy prints.
type copied struct {
	transfer.Report
	Seconds float64 `json:"seconds"`
}

// copyInstance opens both sides and copies.
func (a *app) copyInstance(ctx context.Context, f copyFlags) (err error) {
	if err := f.check(); err != nil {
		return err
	}
	began := time.Now()
	from, err := a.openSource(ctx, f)
	if err != nil {
		return err
	}
	defer from.close()
	to, err := a.openTarget(ctx, f)
	if err != nil {
		return err
	}
	defer to.close()
	if err := a.copyVault(from.dir, to.dir); err != nil {
		return err
	}
	bars := &phases{a: a}
	report, err := transfer.Run(ctx, from.store, to.store, transfer.Options{PageEvents: f.pageLimit, Patience: f.patience, Progress: bars.tell})
	bars.stop()
	if err != nil {
		return a.copyFailure(ctx, err)
	}
	b, err := json.Marshal(copied{report, time.Since(began).Seconds()})
	if err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	err = a.printObject(b, func(w io.Writer, r row) error {
		return facts(w, "streams", r.text("streams"), "events", r.text("events"), "written now", r.text("written"), "evidence", r.text("evidence"),
			"known commands", r.text("commands"), "API keys", r.text("keys"), "checkpoints", r.text("checkpoints"), "digest", r.text("digest"))
	})
	fmt.Fprintf(a.stderr, "annals: the copy is whole; serve it by `annals serve %s`, and the old one no more\n", f.to.served())
	return err
}

// copyFailure gives every way in which a copy ends its exit code and its way out.
func (a *app) copyFailure(ctx context.Context, err error) error {
	var busy *transfer.BusyError
	var foreign *transfer.ForeignError
	var different *transfer.DifferentError
	var moved *transfer.MovedError
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(a.stderr, "annals: the copy was cut off; run the same command again, and it goes on")
		return ctx.Err()
	case errors.As(err, &busy):
		return (&failure{Exit: exitConflict, Code: "in_use", Message: err.Error()}).with("stop it first; a copy that was cut off is taken up by running the same command again")
	case errors.As(err, &foreign):
		return (&failure{Exit: exitConflict, Code: "foreign", Message: err.Error()}).with("nothing was written to it; choose an empty target")
	case errors.As(err, &moved):
		return (&failure{Exit: exitConflict, Code: "moved", Message: err.Error()}).with("stop the server of the source and run the same command again: it copies what is missing")
	case errors.As(err, &different):
		return (&failure{Exit: exitUnverified, Code: "different", Message: err.Error()}).with("do not serve this copy: begin again with an empty target")
	}
	return storeFailure(err)
}

// storeFailure gives what an event store may answer its exit code and its way out.
func storeFailure(err error) error {
	var denied *eventstore.AccessDeniedError
	var damaged *eventstore.DamagedError
	var away *eventstore.UnavailableError
	var unknown *eventstore.OutcomeUnknownError
	switch {
	case errors.As(err, &denied):
		return (&failure{Exit: exitAuth, Code: "access_denied", Message: err.Error()}).
			with("check the user and the password in the connection string, and the rights of that user: docs/eventstoredb.md lists them")
	case errors.As(err, &damaged):
		return (&failure{Exit: exitUnverified, Code: "damaged", Message: err.Error()}).
			with("where another application wrote to it, give this instance names of its own by --eventstore-prefix, or an event store of its own")
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &away), errors.As(err, &unknown):
		return (&failure{Exit: exitFailed, Code: "unavailable", Message: err.Error()}).
			with("check that it runs and can be reached at the address in the connection string, with `tls` as it is set there")
	}
	return err
}

// phases shows one bar after the other.
type phases struct {
	a    *app
	what string
	bar  *progress
	done int64
}

func (p *phases) tell(what string, done, total int64) {
	if what != p.what {
		p.stop()
		p.what, p.bar, p.done = what, p.a.startProgress(what, 0), 0
	}
	p.bar.reach(done, total)
	p.bar.add(int(done - p.done))
	p.done = done
}

func (p *phases) stop() {
	if p.bar != nil {
		p.bar.stop()
		p.bar = nil
	}
}

// isDatabase and isEventstore say what a place is by its beginning; anything else is a directory.
func isDatabase(where string) bool {
	return strings.HasPrefix(where, "postgres://") || strings.HasPrefix(where, "postgresql://")
}

func isEventstore(where string) bool {
	return strings.HasPrefix(where, "esdb://") || strings.HasPrefix(where, "esdb+discover://")
}
