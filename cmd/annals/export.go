package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/audit/history"
)

// exportFlags are those of an export.
type exportFlags struct {
	dir   string
	names bool
	json  bool
}

func (a *app) exportCommand() *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use: "export [WORKSPACE] -o DIR", Short: "Take the whole history of a workspace away, as files", Args: cobra.MaximumNArgs(1),
		Long: `Write the whole history of a workspace to a directory: its events as they are stored, the bodies
beside them, the signed checkpoints, and the digests of all that. README.txt in it says what can be
done with it; nothing of that needs this server. It takes the permission history:export.

The directory is whole or not there: it is written beside its place and named at the end, after every
byte was read again. One that exists and is not empty is refused.

Names of people are sealed in the history and show as erased. --with-names writes them down readable:
erasing a person later does not reach such a copy.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.json { // -o is taken
				a.global.output = "json"
			}
			if len(args) == 1 {
				a.global.workspace = args[0]
			}
			if f.dir == "" {
				return usage("-o is missing").with("name the directory to write to: annals export WORKSPACE -o DIR")
			}
			return a.export(cmd.Context(), f)
		},
	}
	cmd.Flags().StringVarP(&f.dir, "output", "o", "", "`directory` to write to")
	cmd.Flags().BoolVar(&f.names, "with-names", false, "names of people come along readable")
	cmd.Flags().BoolVar(&f.json, "json", false, "print the result as JSON")
	return cmd
}

// exported is what a finished export prints.
type exported struct {
	Directory string        `json:"directory"`
	Workspace string        `json:"workspace"`
	Instance  string        `json:"instance"`
	Last      int64         `json:"last"`
	Root      bundle.Hash   `json:"root"`
	Counts    bundle.Counts `json:"counts"`
}

func (a *app) export(ctx context.Context, f exportFlags) (err error) {
	c, err := a.client()
	if err != nil {
		return err
	}
	slug, err := a.inWorkspace(ctx, c)
	if err != nil {
		return err
	}
	dir, err := bundle.CreateDir(f.dir)
	var full *bundle.NotEmptyError
	if errors.As(err, &full) {
		return (&failure{Exit: exitConflict, Code: "not_empty", Message: err.Error()}).with("name a directory that is not there yet: an export overwrites nothing")
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Abort()) }()
	if err := a.fetchExport(ctx, c, slug, f, dir); err != nil {
		return err
	}
	b, err := dir.Open()
	if err != nil {
		return err
	}
	if err := a.checkBundle(ctx, b); err != nil {
		return err
	}
	if err := dir.Commit(); err != nil {
		return err
	}
	m := b.Manifest
	raw, err := json.Marshal(exported{f.dir, string(m.Workspace), m.Instance, int64(m.Last), m.Root, m.Counts})
	if err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return a.printObject(raw, func(w io.Writer, r row) error {
		return facts(w, "directory", f.dir, "workspace", r.text("workspace"), "instance", r.text("instance"), "events", r.text("counts", "events"), "last revision", r.text("last"),
			"evidence", r.text("counts", "evidence"), "checkpoints", r.text("counts", "checkpoints"), "root", r.text("root"))
	})
}

// fetchExport writes what the server sends, and shows how far it is.
func (a *app) fetchExport(ctx context.Context, c *client, slug string, f exportFlags, dir *bundle.Dir) error {
	c.endless(a)
	path := "/v1/workspaces/" + url.PathEscape(slug) + "/history"
	if f.names {
		path += "?names=true"
	}
	resp, err := c.send(ctx, http.MethodGet, path, http.Header{"Accept": {"application/x-tar"}}, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20)) // whatever can be read of it
		return refusal(resp.StatusCode, text)
	}
	bar := a.startProgress("bytes", 0)
	defer bar.stop()
	total, _ := strconv.ParseInt(resp.Header.Get(eventsHeader), 10, 64) // without it the share is not shown
	events := &lineCounter{Sink: dir, bar: bar, total: total}
	err = bundle.Receive(resp.Body, events, nil)
	var damaged *bundle.DamagedError
	if errors.As(err, &damaged) || errors.Is(err, io.ErrUnexpectedEOF) {
		return (&failure{Exit: exitFailed, Code: "cut", Message: "the export was cut off: " + err.Error()}).with("nothing was kept of it; run the same command again")
	}
	return err
}

// endless makes a client whose answers may take long: the wait for their head is bounded alone.
func (c *client) endless(a *app) {
	c.http.Transport.(*http.Transport).ResponseHeaderTimeout, c.http.Timeout = a.global.timeout, 0
}

// lineCounter shows how many events have come.
type lineCounter struct {
	bundle.Sink
	bar         *progress
	total, done int64
}

func (l *lineCounter) Put(name string, content []byte) error {
	if err := l.Sink.Put(name, content); err != nil {
		return err
	}
	l.bar.add(len(content))
	if len(name) > len(bundle.EventsPrefix) && name[:len(bundle.EventsPrefix)] == bundle.EventsPrefix && l.total > 0 {
		for _, c := range content {
			if c == '\n' {
				l.done++
			}
		}
		l.bar.reach(l.done, l.total)
	}
	return nil
}

// checkBundle reads all of a bundle again.
func (a *app) checkBundle(ctx context.Context, b *bundle.Bundle) error {
	bar := a.startProgress("bytes checked", 0)
	defer bar.stop()
	var was int64
	err := b.Check(ctx, history.Leaf, func(done, total int64) {
		bar.reach(done, total)
		bar.add(int(done - was))
		was = done
	})
	return bundleFailure(err)
}

// openBundle opens an export that somebody names.
func openBundle(dir string) (*bundle.Bundle, error) {
	b, err := bundle.Open(dir)
	return b, bundleFailure(err)
}

// bundleFailure gives what is wrong with an export its exit code and its way out.
func bundleFailure(err error) error {
	var none *bundle.NoBundleError
	var damaged *bundle.DamagedError
	switch {
	case errors.As(err, &none):
		return (&failure{Exit: exitNotFound, Code: "no_export", Message: err.Error()}).with("name the directory that `annals export` wrote; what lies in .NAME.partial-* was cut off, and is none")
	case errors.As(err, &damaged):
		return (&failure{Exit: exitUnverified, Code: "damaged", Message: "the export is damaged: " + err.Error(), Path: damaged.File}).with("do not use it; export again, or take another copy")
	}
	return err
}
