package esdbfake

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"time"

	"google.golang.org/grpc/credentials"
)

// A door tells gRPC from the rest on one port with TLS, as the server does: who does not ask for HTTP/2 is handed to
// the pages.
type door struct {
	credentials.TransportCredentials
	config *tls.Config
	pages  *pages
}

func newDoor(config *tls.Config, pages *pages) *door {
	config = config.Clone()
	config.NextProtos = []string{"h2", "http/1.1"}
	return &door{TransportCredentials: credentials.NewTLS(config), config: config, pages: pages}
}

// Clone is part of the interface.
func (d *door) Clone() credentials.TransportCredentials { return d }

// ServerHandshake greets a caller.
func (d *door) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c := tls.Server(raw, d.config)
	if err := c.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, nil, err
	}
	if c.ConnectionState().NegotiatedProtocol != "h2" {
		d.pages.take(c)
		return nil, nil, credentials.ErrConnDispatched
	}
	return c, credentials.TLSInfo{
		State: c.ConnectionState(), CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity},
	}, nil
}

// pages are what a node answers to HTTP: that it lives, and the order to shut down, which it obeys as one that is
// started again does: another node leads, and it comes back as a follower.
type pages struct {
	server *http.Server
	calls  chan net.Conn
	closed chan struct{}
	once   sync.Once
	at     net.Addr
}

func (s *Server) openPages(at net.Addr) *pages {
	p := &pages{calls: make(chan net.Conn), closed: make(chan struct{}), at: at}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health/live", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("POST /admin/shutdown", func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if known, there := s.opts.Users[user]; len(s.opts.Users) > 0 && (!there || known != password) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.WriteHeader(http.StatusOK)
		go s.leave()
	})
	p.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = p.server.Serve(p) }() // it ends with Close, and there is nobody to tell
	return p
}

func (p *pages) take(c net.Conn) {
	select {
	case p.calls <- c:
	case <-p.closed:
		_ = c.Close()
	}
}

// Accept hands out what the door took.
func (p *pages) Accept() (net.Conn, error) {
	select {
	case c := <-p.calls:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// end answers what was asked for, and then no more.
func (p *pages) end() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = p.server.Shutdown(ctx) // who takes longer is cut off
	_ = p.server.Close()
}

// Close is part of the interface: nobody is accepted any more.
func (p *pages) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// Addr is that of the node.
func (p *pages) Addr() net.Addr { return p.at }

// leave stops the node, lets another lead, and starts it again.
func (s *Server) leave() {
	s.turn.Lock()
	defer s.turn.Unlock()
	if s.over {
		return
	}
	s.halt()
	s.log.mu.Lock()
	for _, n := range s.log.nodes {
		if n != s && n.alive() {
			s.log.leader = n
			break
		}
	}
	s.log.mu.Unlock()
	_ = s.serve() // where the port was taken meanwhile the node stays away, as one would
}
