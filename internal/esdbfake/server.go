package esdbfake

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
)

// Options say what server to play. A field left zero has its default.
type Options struct {
	Listen        string            // default 127.0.0.1:0
	MaxAppendSize int               // bytes of one append; default 1 MiB, from version 25.1 on 256 MiB
	Users         map[string]string // passwords by name; without any, nobody is asked and all may do everything, as "admin" may
	CertDir       string            // not empty: TLS, with an authority of its own written to ca.crt in this directory
	Version       string            // default 24.10.0
	SharedCommit  bool              // events of one append share the commit half of their positions
	Join          *Server           // another node: this one shares its log, as a follower
	Lie           Lie               // what it gets wrong on purpose: for tests of tests
}

// Server is one node.
type Server struct {
	streams.UnimplementedStreamsServer
	gossip.UnimplementedGossipServer
	serverfeatures.UnimplementedServerFeaturesServer

	opts Options
	log  *log
	tls  *tls.Config

	mu            sync.Mutex
	address       string
	grpc          *grpc.Server
	listener      *listener
	served        chan struct{}
	pages         *pages
	faults        []Fault
	noCreatedTime bool

	turn sync.Mutex // held while it stops or starts
	over bool       // closed: it is not started again
}

// Start listens and serves until Close.
func Start(opts Options) (*Server, error) {
	opts.Listen = cmp.Or(opts.Listen, "127.0.0.1:0")
	opts.Version = cmp.Or(opts.Version, "24.10.0")
	s := &Server{opts: opts, address: opts.Listen}
	if s.opts.MaxAppendSize == 0 {
		s.opts.MaxAppendSize = 1 << 20
		if s.newer(25, 1) {
			s.opts.MaxAppendSize = 256 << 20
		}
	}
	if opts.CertDir != "" {
		var err error
		if s.tls, err = certify(opts.CertDir); err != nil {
			return nil, fmt.Errorf("make certificates: %w", err)
		}
	}
	if opts.Join != nil {
		s.log = opts.Join.log
	} else {
		s.log = newLog(opts.SharedCommit, opts.Lie)
		s.log.seed(opts.Users)
	}
	if err := s.serve(); err != nil {
		return nil, err
	}
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.log.nodes = append(s.log.nodes, s)
	if s.log.leader == nil {
		s.log.leader = s
	}
	return s, nil
}

// serve begins to listen, at the same address as before.
func (s *Server) serve() error {
	inner, err := net.Listen("tcp", s.address)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.address = inner.Addr().String()
	s.listener = &listener{Listener: inner, open: map[net.Conn]bool{}}
	serverOptions := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(64 << 20), grpc.UnknownServiceHandler(s.unknown),
		// Clients ping every ten seconds, busy or not; the server has nothing against that.
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Second, PermitWithoutStream: true}),
	}
	if s.tls != nil {
		s.pages = s.openPages(inner.Addr())
		serverOptions = append(serverOptions, grpc.Creds(newDoor(s.tls, s.pages)))
	}
	s.grpc = grpc.NewServer(serverOptions...)
	streams.RegisterStreamsServer(s.grpc, s)
	gossip.RegisterGossipServer(s.grpc, (*gossiper)(s))
	serverfeatures.RegisterServerFeaturesServer(s.grpc, s)
	s.served = make(chan struct{})
	go func(server *grpc.Server, l net.Listener, served chan struct{}) {
		defer close(served)
		_ = server.Serve(l) // it ends with Stop, and there is nobody to tell
	}(s.grpc, s.listener, s.served)
	return nil
}

// Stop cuts all connections and listens no more; the log stays.
func (s *Server) Stop() {
	s.turn.Lock()
	defer s.turn.Unlock()
	s.halt()
}

// Restart is Stop, and serving again at the same address.
func (s *Server) Restart() error {
	s.turn.Lock()
	defer s.turn.Unlock()
	s.halt()
	return s.serve()
}

// Close ends the node.
func (s *Server) Close() {
	s.turn.Lock()
	defer s.turn.Unlock()
	s.over = true
	s.halt()
}

// halt is called with the turn held.
func (s *Server) halt() {
	s.mu.Lock()
	server, served, pages := s.grpc, s.served, s.pages
	s.mu.Unlock()
	if pages != nil {
		pages.end()
	}
	server.Stop()
	<-served
}

// Address is where it listens, "127.0.0.1:port".
func (s *Server) Address() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.address
}

func (s *Server) host() string {
	host, _, _ := net.SplitHostPort(s.Address()) // our own listener's
	return host
}

func (s *Server) port() int {
	_, port, _ := net.SplitHostPort(s.Address())
	n, _ := strconv.Atoi(port)
	return n
}

// ConnectionString is what a client needs to reach this node, as "admin" where there are users.
func (s *Server) ConnectionString() string {
	u := url.URL{Scheme: "esdb", Host: s.Address()}
	if password, ok := s.opts.Users["admin"]; ok {
		u.User = url.UserPassword("admin", password)
	}
	q := url.Values{"tls": {"false"}}
	if s.tls != nil {
		q = url.Values{"tlsCaFile": {caFile(s.opts.CertDir)}}
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// cutConnections breaks every connection without a word.
func (s *Server) cutConnections() {
	s.mu.Lock()
	l := s.listener
	s.mu.Unlock()
	l.cut()
}

// A listener knows its connections, so that they can be cut.
type listener struct {
	net.Listener
	mu   sync.Mutex
	open map[net.Conn]bool
}

// Accept keeps the connection in mind until it is closed.
func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[c] = true
	return &conn{c, l}, nil
}

func (l *listener) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.open {
		_ = c.Close()
	}
	clear(l.open)
}

type conn struct {
	net.Conn
	of *listener
}

// Close forgets the connection.
func (c *conn) Close() error {
	c.of.mu.Lock()
	delete(c.of.open, c.Conn)
	c.of.mu.Unlock()
	return c.Conn.Close()
}
