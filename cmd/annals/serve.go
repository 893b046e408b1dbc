package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/annals-io/annals/domain"
)

func (a *app) serveCommand() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use: "serve", Short: "Start the server, with a PostgreSQL of its own unless told otherwise", Args: cobra.NoArgs,
		Long: `Start the server. With nothing configured it fetches PostgreSQL once, keeps its data under
./annals-data, creates the workspace "default" and a first API key, and listens on 127.0.0.1:8080.

Everything but /healthz, /readyz and the pages for browsers asks for an API key. /metrics wants one
with the scope read that is bound to no workspace.

SIGTERM or Ctrl-C drains: /readyz answers 503, requests under way are finished, new ones are told to
come again, then PostgreSQL is stopped cleanly. A second one ends at once, and loses nothing that
was acknowledged.

Where another version of this program made the read model, it is built anew beside the old one,
which answers meanwhile. Where the two are equal the new one takes its place; where they differ it
waits until you have looked ("annals projection swap"). --rebuild accept takes it whatever differs,
--rebuild manual leaves even the building to you.

--history DIR shows an export instead: the whole API, read-only, in a directory and a database of its
own beside --data, proven first. Nothing of the instance that it is of is needed.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.data = a.global.data
			if f.past.dir != "" {
				if err := a.openPast(cmd.Context(), &f); err != nil {
					return err
				}
			} else if len(f.past.keys) > 0 || f.past.unverified {
				return usage("--history-key and --history-unverified are about an export, and --history names none")
			}
			return a.serve(cmd.Context(), f)
		},
	}
	f.set(cmd.Flags())
	return cmd
}

// serve starts everything, in order, and stops it in the other one.
func (a *app) serve(ctx context.Context, f serveFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	if err := a.checkEvents(); err != nil {
		return err
	}
	log, err := f.logger(a)
	if err != nil {
		return err
	}
	listener, err := f.bind(ctx)
	if err != nil {
		return err
	}
	defer listener.Close()
	if err := os.MkdirAll(f.data, 0o711); err != nil {
		return fmt.Errorf("create the data directory: %w", err)
	}
	tracer, flush, err := f.tracing(ctx, log)
	if err != nil {
		return err
	}
	defer flush()
	s, err := a.openServer(ctx, f, tracer, log)
	if err != nil {
		return err
	}
	defer s.close()
	address := f.address(listener)
	if err := s.openSignIn(s.living, f, address); err != nil {
		return err
	}
	var first firstSteps
	if f.past.bundle != nil {
		first.key, err = s.layPast(ctx, a, f)
	} else {
		first, err = s.first(ctx, f)
	}
	if err != nil {
		return storeFailure(err)
	}
	web, err := s.web(f)
	if err != nil {
		return err
	}
	if _, asked, _ := net.SplitHostPort(f.listen); asked != "0" && !strings.HasSuffix(address, ":"+asked) {
		fmt.Fprintf(a.stderr, "annals: port %s is taken: this server listens at %s\n", asked, address)
	}
	if err := writeFile(f.data, addressFile, address+"\n", 0o644); err != nil {
		return err
	}
	defer removeFile(f.data, addressFile, address+"\n")
	if f.past.bundle != nil {
		err = a.welcomePast(f, address, first.key)
	} else {
		err = a.welcome(f, address, first)
	}
	if err != nil {
		return err
	}
	log.Info("serving", "address", address, "version", buildVersion())
	return s.run(ctx, web, listener, f.drain)
}

// checkEvents refuses a program that could not read every event that it or an earlier one wrote: nothing was opened yet.
func (a *app) checkEvents() error {
	check := domain.CheckVocabulary
	if a.vocabulary != nil {
		check = a.vocabulary
	}
	if err := check(); err != nil {
		return (&failure{Exit: exitFailed, Code: "bad_vocabulary", Message: fmt.Sprintf("this program cannot read the events of earlier ones: %v", err)}).
			with("it was built wrong: run the version before; nothing was started or changed")
	}
	return nil
}

// bind takes the port: the one that was asked for, or with --port-fallback the next that is free.
func (f serveFlags) bind(ctx context.Context) (net.Listener, error) {
	var lc net.ListenConfig
	host, port, _ := net.SplitHostPort(f.listen) // checked before
	listener, err := lc.Listen(ctx, "tcp", f.listen)
	if err == nil || !addressInUse(err) {
		if err != nil {
			err = fmt.Errorf("listen on %s: %w", f.listen, err)
		}
		return listener, err
	}
	first, err := net.LookupPort("tcp", port)
	for next := first + 1; err == nil && f.portFallback && next < min(first+100, 65536); next++ {
		if listener, err := lc.Listen(ctx, "tcp", net.JoinHostPort(host, fmt.Sprint(next))); err == nil {
			return listener, nil
		}
	}
	return nil, (&failure{Exit: exitFailed, Code: "port_taken", Message: fmt.Sprintf("port %s of %s is taken by another program", port, host)}).
		with("choose another one by --listen %s, or let --port-fallback take the next that is free", net.JoinHostPort(host, fmt.Sprint(first+1)))
}

// address is the URL by which programs on this machine reach the server.
func (f serveFlags) address(listener net.Listener) string {
	host, _, _ := net.SplitHostPort(f.listen) // checked before
	if ip, err := netip.ParseAddr(host); host == "" || (err == nil && ip.IsUnspecified()) {
		host = "127.0.0.1"
	}
	scheme := "http"
	if f.tlsCert != "" {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(host, fmt.Sprint(listener.Addr().(*net.TCPAddr).Port))
}

// logger writes text for people and JSON for programs, to stderr.
func (f serveFlags) logger(a *app) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(f.logLevel)); err != nil {
		return nil, usage("--log-level: %v", err)
	}
	options := &slog.HandlerOptions{Level: level}
	if f.logFormat == "text" || (f.logFormat == "auto" && a.terminal(a.stderr)) {
		return slog.New(slog.NewTextHandler(a.stderr, options)), nil
	}
	return slog.New(slog.NewJSONHandler(a.stderr, options)), nil
}

// welcome tells a person where the server is, and what to try. The first key and the link are shown this once.
func (a *app) welcome(f serveFlags, address string, first firstSteps) error {
	shown := f.base(address)
	var b strings.Builder
	fmt.Fprintf(&b, "\nAnnals is ready at %s\n\n", shown)
	data := ""
	if f.data != "annals-data" {
		data = " --data " + f.data
	}
	self := cmp.Or(a.self, "annals")
	if first.key != "" {
		fmt.Fprintf(&b, "  sign in    %s\n", first.link)
		fmt.Fprintf(&b, "             works once, for a day: `%s login-link%s` makes another\n", self, data)
		fmt.Fprintf(&b, "  API key    %s\n", first.key)
		fmt.Fprintf(&b, "             shown this once, and kept in %s\n", displayPath(f.data, firstKeyFile))
		fmt.Fprintf(&b, "  in a browser  %s/graphql#key=%s\n\n", shown, first.key)
	}
	fmt.Fprintf(&b, "Try:\n")
	for _, try := range [][2]string{
		{"import openlineage FILE", "send recorded OpenLineage events"}, {"run list", "see what ran"}, {"lineage ARTIFACT --up", "see what something was made of"},
	} {
		fmt.Fprintf(&b, "  %-*s  %s\n", len(self)+len(data)+len(" import openlineage FILE"), self+" "+try[0]+data, try[1])
	}
	b.WriteByte('\n')
	_, err := io.WriteString(a.stdout, b.String())
	return err
}
