// Command esdbfake is an EventStoreDB for tests in a process of its own, for clients that cannot share a binary with
// it or are not written in Go:
//
//	go run ./internal/esdbfake/cmd/esdbfake --plain 127.0.0.1:2114 --tls 127.0.0.1:2115 --certs /tmp/certs
//
// It prints where each server listens, one a line, then "ready", and ends when it is interrupted or its standard
// input ends. The server without TLS plays version 24.10.0; those with TLS know the users admin and ops, both with
// the password changeit.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/annals-io/annals/internal/esdbfake"
)

// servers are those that run.
type servers struct {
	out     io.Writer
	running []*esdbfake.Server
}

func main() {
	plain := flag.String("plain", "", "`address` of a server without TLS and users")
	secure := flag.String("tls", "", "`address` of a server with TLS and users")
	cluster := flag.String("cluster", "", "`addresses` of the nodes of a cluster with TLS and users, the leader first, by commas")
	certs := flag.String("certs", "", "`directory` of ca.crt and ca.key, which are made there if need be; TLS wants it")
	version := flag.String("version", "24.10.0", "`version` that the servers with TLS play")
	lie := flag.String("lie", "", fmt.Sprintf("what to answer wrongly: one of %q", esdbfake.Lies()))
	flag.Parse()
	s := &servers{out: os.Stdout}
	err := s.start(*plain, *secure, *cluster, esdbfake.Options{CertDir: *certs, Version: *version, Lie: esdbfake.Lie(*lie)})
	if err == nil {
		fmt.Fprintln(s.out, "ready")
		wait()
	}
	for _, server := range s.running {
		server.Close()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "esdbfake:", err)
		os.Exit(1)
	}
}

func (s *servers) start(plain, secure, cluster string, opts esdbfake.Options) error {
	if opts.Lie != "" && !slices.Contains(esdbfake.Lies(), opts.Lie) {
		return fmt.Errorf("there is no lie %q; there are %q", opts.Lie, esdbfake.Lies())
	}
	if plain == "" && secure == "" && cluster == "" {
		return errors.New("say where to listen: --plain, --tls or --cluster")
	}
	if opts.CertDir == "" && secure+cluster != "" {
		return errors.New("--tls and --cluster want --certs")
	}
	if plain != "" {
		if _, err := s.one("plain", plain, esdbfake.Options{Lie: opts.Lie}); err != nil {
			return err
		}
	}
	opts.Users = map[string]string{"admin": "changeit", "ops": "changeit"}
	if secure != "" {
		if _, err := s.one("tls", secure, opts); err != nil {
			return err
		}
	}
	if cluster == "" {
		return nil
	}
	for _, address := range strings.Split(cluster, ",") {
		node, err := s.one("node", address, opts)
		if err != nil {
			return err
		}
		if opts.Join == nil {
			opts.Join = node
		}
	}
	return nil
}

func (s *servers) one(kind, address string, opts esdbfake.Options) (*esdbfake.Server, error) {
	opts.Listen = address
	server, err := esdbfake.Start(opts)
	if err != nil {
		return nil, fmt.Errorf("start the %s server: %w", kind, err)
	}
	s.running = append(s.running, server)
	fmt.Fprintln(s.out, kind, server.Address())
	return server, nil
}

// wait returns when the process is interrupted or nobody holds its input any more.
func wait() {
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(io.Discard, os.Stdin) // only its end matters
	}()
	select {
	case <-interrupted:
	case <-ended:
	}
}
