package main

import (
	"crypto/tls"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"go.opentelemetry.io/otel/sdk/trace"

	"github.com/annals-io/annals/audit/sink"
	"github.com/annals-io/annals/eventstore/postgres"
	"github.com/annals-io/annals/graphql/limit"
	"github.com/annals-io/annals/vault"
	"github.com/annals-io/annals/vault/kek"
)

// serveFlags are the settings of the server. Zero fields are good defaults, save listen and data.
type serveFlags struct {
	listen           string
	portFallback     bool
	data             string
	cache            string
	postgresBin      string
	databaseURL      string
	ownerURL         string
	eventstore       string
	eventstorePrefix string
	tlsCert          string
	tlsKey           string
	publicURL        string
	allowedOrigins   []string
	trustedProxies   []string
	insecure         bool
	newKey           bool
	logLevel         string
	logFormat        string
	otlpEndpoint     string
	pprof            bool
	drain            time.Duration

	keyFailures      int           // keys that are none, a minute from one address; 0: any number
	organizations    string        // who may create team organizations: "anyone" or "operator"
	rebuild          string        // "auto", "accept" or "manual"
	commandRetention time.Duration // 0: for ever
	limits           limit.Limits  // of GraphQL
	oidc             oidcFlags
	auditSinks       []string
	kek              string // what wraps the keys of names: an address, vault.LocalKEK, or empty: whatever does now
	auditKey         string // file; empty: audit.key in the data directory
	lineageMemory    int64  // bytes

	past pastFlags

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
	fs.StringVar(&f.eventstorePrefix, "eventstore-prefix", "", "`text` before the names of this instance's streams there, where several logs share one event store")
	fs.StringVar(&f.tlsCert, "tls-cert", "", "`file` of the TLS certificate, read again when it changes")
	fs.StringVar(&f.tlsKey, "tls-key", "", "`file` of the TLS key")
	fs.StringVar(&f.publicURL, "public-url", "", "`URL` under which others reach this server")
	fs.StringSliceVar(&f.allowedOrigins, "allowed-origins", nil, "`origins` whose pages may open WebSockets, besides this server's own, such as https://dashboard.example")
	fs.StringSliceVar(&f.trustedProxies, "trusted-proxies", nil, "`networks` of proxies that end TLS and whose X-Forwarded-For is believed")
	fs.BoolVar(&f.insecure, "insecure", false, "listen beyond this machine without TLS and without a proxy")
	fs.BoolVar(&f.newKey, "new-admin-key", false, "make and print another admin's key, where the first one was lost")
	f.logLevel, f.logFormat = "info", "auto"
	fs.Var(oneOf{&f.logLevel, []string{"debug", "info", "warn", "error"}}, "log-level", "least level that is logged")
	fs.Var(oneOf{&f.logFormat, []string{"auto", "text", "json"}}, "log-format", "auto: text on a terminal, else JSON")
	fs.StringVar(&f.otlpEndpoint, "otlp-endpoint", "", "`URL` to send OpenTelemetry traces to (OTLP over HTTP); none are made without it")
	fs.BoolVar(&f.pprof, "pprof", false, "serve profiles under /debug/pprof/, to admins")
	fs.DurationVar(&f.drain, "drain", 20*time.Second, "longest wait for requests under way when stopping")
	f.keyFailures = 60
	fs.Var(&boundedInt{&f.keyFailures, 0, 1_000_000}, "key-failures", "how often a minute one address may come with a key that is none before it is told to wait; 0: any number. Good keys are never told to")
	f.organizations = organizationsAnyone
	fs.Var(oneOf{&f.organizations, []string{organizationsAnyone, organizationsOperator}}, "organizations", "who creates team organizations. anyone: whoever has signed in; operator: owners and admins of the first organization")
	f.rebuild = rebuildAuto
	fs.Var(oneOf{&f.rebuild, []string{rebuildAuto, rebuildAccept, rebuildManual}}, "rebuild", "what to do about a read model that another version made. auto: build it anew and take it where nothing differs; accept: take it whatever differs; manual: wait for annals projection rebuild")
	fs.DurationVar(&f.commandRetention, "command-retention", postgres.CommandLife, "how long a repeated command is recognised as such; 0: for ever. Those of ingest always are")
	fs.StringVar(&f.oidc.issuer, "oidc-issuer", "", "`URL` of another party that signs people in by OpenID Connect; passwords are off then")
	fs.StringVar(&f.oidc.clientID, "oidc-client-id", "", "what this server is registered as there")
	fs.StringVar(&f.oidc.secretFile, "oidc-client-secret-file", "", "`file` of the secret that goes with it; a public client has none")
	fs.StringSliceVar(&f.oidc.scopes, "oidc-scopes", nil, "`scopes` to ask for besides openid; without any, profile and email")
	fs.StringSliceVar(&f.oidc.domains, "oidc-allowed-domains", nil, "`domains` of verified e-mail addresses that are let in; without any, everybody whom that party signs in")
	fs.StringVar(&f.oidc.label, "oidc-label", "", "what people call that party, for the sign-in page")
	fs.StringSliceVar(&f.auditSinks, "audit-sink", nil, "`places` outside the database that are told every checkpoint: file:PATH, https://..., stdout")
	fs.StringVar(&f.kek, "kek", "", "`key` that wraps the keys of names: file, aws-kms://ARN, gcp-kms://NAME or hcvault://HOST/transit/keys/NAME; without one, what wraps them now")
	fs.StringVar(&f.auditKey, "audit-key", "", "`file` of the key that seals history; without one, audit.key in the data directory. All servers on one database need the same")
	fs.StringVar(&f.past.dir, "history", "", "`directory` of an export to show, read-only, instead of an instance")
	fs.StringSliceVar(&f.past.keys, "history-key", nil, "verifier `key` of the instance that the export is of: then it is shown only if that key signed it")
	fs.BoolVar(&f.past.unverified, "history-unverified", false, "show the export without looking first whether it is whole")
	f.setLimits(fs)
	setting(fs, "listen", "port-fallback", "cache", "postgres-bin", "database-url", "database-owner-url", "eventstore", "eventstore-prefix", "tls-cert", "tls-key",
		"public-url", "allowed-origins", "trusted-proxies", "insecure", "log-level", "log-format", "otlp-endpoint", "pprof", "drain", "key-failures", "organizations", "rebuild", "kek", "command-retention", "audit-key", "audit-sink")
	secret(fs, "database-url", "database-owner-url", "eventstore")
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
	if err := checkEventstore(f.eventstore, f.eventstorePrefix); err != nil {
		return err
	}
	if f.kek != "" && f.kek != vault.LocalKEK {
		if err := kek.Check(f.kek); err != nil {
			return usage("--kek: %v", err)
		}
	}
	if f.commandRetention < 0 || (f.commandRetention > 0 && f.commandRetention < time.Hour) {
		return usage("--command-retention %s is less than an hour: a client that repeats a command would have it carried out twice", f.commandRetention).with("720h are 30 days; 0 is for ever")
	}
	if (f.tlsCert == "") != (f.tlsKey == "") {
		return usage("--tls-cert and --tls-key go together: one of them is missing")
	}
	if f.tlsCert != "" {
		if _, err := tls.LoadX509KeyPair(f.tlsCert, f.tlsKey); err != nil {
			return usage("--tls-cert and --tls-key: %v", err).with("both are PEM files; the key is that of the certificate")
		}
	}
	for _, at := range [...]struct{ flag, url, such string }{{"public-url", f.publicURL, "https://annals.example"}, {"otlp-endpoint", f.otlpEndpoint, "http://127.0.0.1:4318"}} {
		if u, err := url.Parse(at.url); at.url != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
			return usage("--%s %q is no address of HTTP", at.flag, at.url).with("write it as %s", at.such)
		}
	}
	for _, place := range f.auditSinks {
		if _, err := sink.Parse(place, nil); err != nil {
			return usage("--audit-sink: %v", err)
		}
	}
	if f.drain < 0 {
		return usage("--drain %s is less than nothing", f.drain).with("0 waits for no request; 20s is the default")
	}
	if _, err := f.origins(); err != nil {
		return err
	}
	if err := f.checkOIDC(host); err != nil {
		return err
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
