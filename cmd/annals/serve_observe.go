package main

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/annals-io/annals/access"
)

// The longest that a request may take to arrive, and its answer to be taken.
const (
	readTimeout  = time.Minute
	writeTimeout = 2 * time.Minute
)

// observed measures requests, bounds their time on the wire, and keeps a panic from ending more than its own request.
func (s *server) observed(next *access.Mux, f serveFlags) http.Handler {
	proxies := prefixes(f.trustedProxies)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, control := time.Now(), http.NewResponseController(w)
		if !endless(r) { // where deadlines cannot be set, those of the connection hold
			_ = control.SetReadDeadline(began.Add(readTimeout))
			_ = control.SetWriteDeadline(began.Add(writeTimeout))
		} else {
			_ = control.SetReadDeadline(time.Time{})
			_ = control.SetWriteDeadline(time.Time{})
		}
		seen := &answer{ResponseWriter: w}
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				s.log.ErrorContext(r.Context(), "a request panicked", "path", r.URL.Path, "panic", fmt.Sprint(p))
				if seen.status == 0 {
					next.Refuse(seen, r, &access.Refusal{Status: http.StatusInternalServerError, Code: "internal", Message: "the server failed; it was logged"})
				}
			}
			took := time.Since(began)
			s.metrics.requested(next.PatternOf(r), r.Method, seen.status, took)
			s.log.DebugContext(r.Context(), "request", "method", r.Method, "path", r.URL.Path, "status", seen.status, "took", took, "from", callerIP(r, proxies))
		}()
		next.ServeHTTP(seen, r)
	})
}

// endless says whether the answer goes on for as long as the caller listens.
func endless(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	return r.Header.Get("Upgrade") != "" || strings.Contains(accept, "text/event-stream") || strings.HasPrefix(r.URL.Path, "/v1/projections/") || strings.HasSuffix(r.URL.Path, "/history") || strings.HasSuffix(r.URL.Path, "/replay") || strings.Contains(r.URL.Path, "/histories/") || strings.HasPrefix(r.URL.Path, "/debug/pprof/")
}

// answer remembers the status.
type answer struct {
	http.ResponseWriter
	status int
}

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return a.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController find flushing and hijacking.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// Flush is for those who ask for it without a controller.
func (a *answer) Flush() { _ = http.NewResponseController(a.ResponseWriter).Flush() }

func prefixes(words []string) []netip.Prefix {
	var out []netip.Prefix
	for _, w := range words {
		out = append(out, netip.MustParsePrefix(w)) // checked before
	}
	return out
}

// callerIP is where a request came from: behind a trusted proxy, what that says.
func callerIP(r *http.Request, proxies []netip.Prefix) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	trusted := func(s string) bool {
		ip, err := netip.ParseAddr(s)
		for _, p := range proxies {
			if err == nil && p.Contains(ip.Unmap()) {
				return true
			}
		}
		return false
	}
	chain := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(chain) - 1; i >= 0 && trusted(host); i-- { // from the nearest on: what lies behind a stranger is his word
		next := strings.TrimSpace(chain[i])
		if _, err := netip.ParseAddr(next); err != nil {
			break
		}
		host = next
	}
	return host
}
