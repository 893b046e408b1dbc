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
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.opentelemetry.io/otel/sdk/trace"

	"github.com/annals-io/annals/eventstore/postgres"
)

// serveFlags are the settings of the server. Zero fields are good defaults, save listen and data.
type serveFlags struct {
	listen         string
	portFallback   bool
	data           string
	cache          string
	postgresBin    string
	databaseURL    string
	ownerURL       string
	eventstore     string
	tlsCert        string
	tlsKey         string
	publicURL      string
	trustedProxies []string
	insecure       bool
	newKey         bool
	logLevel       string
	logFormat      string
	otlpEndpoint   string
	pprof          bool
	drain          time.Duration

	rebuild          string        // "auto", "accept" or "manual"
	commandRetention time.Duration // 0: for ever

	exporter trace.SpanExporter // of tests, instead of otlpEndpoint
}

func (f *serveFlags) set(fs *pflag.FlagSet) {
	fs.StringVar(&f.listen, "listen", "127.0.0.1:8080", "`address` to listen on")
	fs.BoolVar(&f.portFallback, "port-fallback", false, "take the next free port when that one is taken")
	fs.StringVar(&f.cache, "cache", "", "`directory` for fetched PostgreSQL binaries; without one, the user's cache")
	fs.StringVar(&f.postgresBin, "postgres-bin", "", "`directory` of installed PostgreSQL binaries (15 or newer) to use instead of fetched ones")
	fs.StringVar(&f.databaseURL, "database-url", "", "`URL` of a PostgreSQL database to use instead of an embedded one")
	fs.StringVar(&f.ownerURL, "database-owner-url", "", "`URL` of the same database for the role that migrates it; without one, --database-url")
	fs.StringVar(&f.eventstore, "eventstore", "", "`URL` of an EventStoreDB or KurrentDB to keep events in (esdb://...); without one, the database")
	fs.StringVar(&f.tlsCert, "tls-cert", "", "`file` of the TLS certificate, read again when it changes")
	fs.StringVar(&f.tlsKey, "tls-key", "", "`file` of the TLS key")
	fs.StringVar(&f.publicURL, "public-url", "", "`URL` under which others reach this server")
	fs.StringSliceVar(&f.trustedProxies, "trusted-proxies", nil, "`networks` of proxies that end TLS and whose X-Forwarded-For is believed")
	fs.BoolVar(&f.insecure, "insecure", false, "listen beyond this machine without TLS and without a proxy")
	fs.BoolVar(&f.newKey, "new-admin-key", false, "make and print another admin's key, where the first one was lost")
	f.logLevel, f.logFormat = "info", "auto"
	fs.Var(oneOf{&f.logLevel, []string{"debug", "info", "warn", "error"}}, "log-level", "least level that is logged")
	fs.Var(oneOf{&f.logFormat, []string{"auto", "text", "json"}}, "log-format", "auto: text on a terminal, else JSON")
	fs.StringVar(&f.otlpEndpoint, "otlp-endpoint", "", "`URL` to send OpenTelemetry traces to (OTLP over HTTP); none are made without it")
	fs.BoolVar(&f.pprof, "pprof", false, "serve profiles under /debug/pprof/, to admins")
	fs.DurationVar(&f.drain, "drain", 20*time.Second, "longest wait for requests under way when stopping")
	f.rebuild = rebuildAuto
	fs.Var(oneOf{&f.rebuild, []string{rebuildAuto, rebuildAccept, rebuildManual}}, "rebuild", "what to do about a read model that another version made. auto: build it anew and take it where nothing differs; accept: take it whatever differs; manual: wait for `annals projection rebuild`")
	fs.DurationVar(&f.commandRetention, "command-retention", postgres.CommandLife, "how long a repeated command is recognised as such; 0: for ever. Those of ingest always are")
	setting(fs, "listen", "port-fallback", "cache", "postgres-bin", "database-url", "database-owner-url", "eventstore", "tls-cert", "tls-key",
		"public-url", "trusted-proxies", "insecure", "log-level", "log-format", "otlp-endpoint", "pprof", "drain", "rebuild", "command-retention")
	secret(fs, "database-url", "database-owner-url", "eventstore")
}

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
--rebuild manual leaves even the building to you.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.data = a.global.data
			return a.serve(cmd.Context(), f)
		},
	}
	f.set(cmd.Flags())
	return cmd
}

// check refuses settings that cannot be meant, before anything is touched.
func (f serveFlags) check() error {
	host, port, err := net.SplitHostPort(f.listen)
	if err != nil {
		return usage("--listen %q is no address", f.listen).with("write it as HOST:PORT, such as 127.0.0.1:8080")
	}
	if _, err := net.LookupPort("tcp", port); err != nil {
		return usage("--listen %s: %s is no port", f.listen, port).with("0 to 65535; 0 takes any that is free")
	}
	if err := checkEventstore(f.eventstore); err != nil {
		return err
	}
	if f.commandRetention < 0 || (f.commandRetention > 0 && f.commandRetention < time.Hour) {
		return usage("--command-retention %s is less than an hour: a client that repeats a command would have it carried out twice", f.commandRetention).with("720h are 30 days; 0 is for ever")
	}
	if (f.tlsCert == "") != (f.tlsKey == "") {
		return usage("--tls-cert and --tls-key go together: one of them is missing")
	}
	for _, p := range f.trustedProxies {
		if _, err := netip.ParsePrefix(p); err != nil {
			return usage("--trusted-proxies: %q is no network", p).with("write it as 10.0.0.0/8 or 192.0.2.1/32")
		}
	}
	if !loopback(host) && f.tlsCert == "" && len(f.trustedProxies) == 0 && !f.insecure {
		return usage("--listen %s would send API keys over the network unencrypted", f.listen).
			with("give --tls-cert and --tls-key, or --trusted-proxies where a proxy ends TLS, or --insecure if that is what you want")
	}
	return nil
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// serve starts everything, in order, and stops it in the other one.
func (a *app) serve(ctx context.Context, f serveFlags) error {
	if err := f.check(); err != nil {
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
	first, err := s.first(ctx, f)
	if err != nil {
		return err
	}
	web, err := s.web(f)
	if err != nil {
		return err
	}
	address := f.address(listener)
	if _, asked, _ := net.SplitHostPort(f.listen); asked != "0" && !strings.HasSuffix(address, ":"+asked) {
		fmt.Fprintf(a.stderr, "annals: port %s is taken: this server listens at %s\n", asked, address)
	}
	if err := writeFile(f.data, addressFile, address+"\n", 0o644); err != nil {
		return err
	}
	defer removeFile(f.data, addressFile, address+"\n")
	if err := a.welcome(f, address, first); err != nil {
		return err
	}
	log.Info("serving", "address", address, "version", buildVersion())
	return s.run(ctx, web, listener, f.drain)
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

// welcome tells a person where the server is, and what to try. The first key is shown this once.
func (a *app) welcome(f serveFlags, address, first string) error {
	shown := address
	if f.publicURL != "" {
		shown = strings.TrimSuffix(f.publicURL, "/")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\nAnnals is ready at %s\n\n", shown)
	if first != "" {
		fmt.Fprintf(&b, "  API key    %s\n", first)
		fmt.Fprintf(&b, "             shown this once, and kept in %s\n", displayPath(f.data, firstKeyFile))
		fmt.Fprintf(&b, "  in a browser  %s/graphql#key=%s\n\n", shown, first)
	}
	data := ""
	if f.data != "annals-data" {
		data = " --data " + f.data
	}
	self := cmp.Or(a.self, "annals")
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
