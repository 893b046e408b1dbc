package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificate serves a certificate from files and takes it up again when they change. What is broken meanwhile is
// logged, and the last good one goes on being used.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	stamp   [2]time.Time // of the files it came from
	looked  time.Time
}

// lookEvery is how often the files are looked at, at most.
const lookEvery = 5 * time.Second

// get is tls.Config.GetCertificate.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current != nil && time.Since(c.looked) < lookEvery {
		return c.current, nil
	}
	c.looked = time.Now()
	stamp, err := c.stamps()
	if err == nil && c.current != nil && stamp == c.stamp {
		return c.current, nil
	}
	var pair tls.Certificate
	if err == nil {
		pair, err = tls.LoadX509KeyPair(c.certFile, c.keyFile)
	}
	if err != nil {
		if c.current == nil {
			return nil, fmt.Errorf("read the TLS certificate: %w", err)
		}
		c.log.Error("the TLS certificate cannot be read again; the last one stays", "err", err)
		return c.current, nil
	}
	c.current, c.stamp = &pair, stamp
	return c.current, nil
}

func (c *certificate) stamps() (stamp [2]time.Time, err error) {
	for i, name := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(name)
		if err != nil {
			return stamp, err
		}
		stamp[i] = info.ModTime()
	}
	return stamp, nil
}
