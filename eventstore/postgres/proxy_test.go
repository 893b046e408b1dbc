package postgres_test

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
)

// A proxy stands between a store and its server and cuts connections at the worst moment.
type proxy struct {
	listener net.Listener
	network  string
	target   string

	// cutAfter counts down the commits whose answer is lost; cutBefore those that never reach the server. Each cut
	// takes one of them, and the connection with it.
	cutAfter, cutBefore atomic.Int64
	// every, when it is not 0, loses the answer of each such commit in turn.
	every   atomic.Int64
	commits atomic.Int64
	cuts    atomic.Int64
	pending sync.WaitGroup
}

// through is a connection string by way of a proxy.
func through(t testing.TB, url string) (string, *proxy) {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{network: "tcp", target: net.JoinHostPort(config.Host, fmt.Sprint(config.Port))}
	if strings.HasPrefix(config.Host, "/") {
		p.network, p.target = "unix", fmt.Sprintf("%s/.s.PGSQL.%d", config.Host, config.Port)
	}
	if p.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	p.pending.Go(p.accept)
	t.Cleanup(func() {
		_ = p.listener.Close()
		p.pending.Wait()
	})
	at := p.listener.Addr().(*net.TCPAddr)
	return fmt.Sprintf("host=127.0.0.1 port=%d user='%s' password='%s' dbname='%s' sslmode=disable", at.Port, config.User, config.Password, config.Database), p
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.pending.Go(func() {
			defer client.Close()
			server, err := net.Dial(p.network, p.target)
			if err != nil {
				return
			}
			var up sync.WaitGroup
			up.Go(func() {
				defer server.Close()
				defer client.Close()
				p.pipe(server, client, p.wantsCommit)
			})
			p.pipe(client, server, p.answersCommit)
			_ = client.Close()
			_ = server.Close()
			up.Wait()
		})
	}
}

// pipe copies until a side ends or the look at what passes says to cut.
func (p *proxy) pipe(to, from net.Conn, cut func([]byte) bool) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if cut(buf[:n]) {
				p.cuts.Add(1)
				return
			}
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// committed is the server's message that a COMMIT is done: CommandComplete with its tag.
var committed = []byte("C\x00\x00\x00\x0bCOMMIT\x00")

func (p *proxy) answersCommit(b []byte) bool {
	if !bytes.Contains(b, committed) {
		return false
	}
	n := p.commits.Add(1)
	if every := p.every.Load(); every > 0 && n%every == 0 {
		return true
	}
	return p.cutAfter.Add(-1) >= 0
}

// wantsCommit sees a batch that appends by its data: everything is prepared by then, and no statement is named.
func (p *proxy) wantsCommit(b []byte) bool {
	return bytes.Contains(b, []byte("run.started")) && p.cutBefore.Add(-1) >= 0
}
