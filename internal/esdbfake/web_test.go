package esdbfake_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"

	"github.com/annals-io/annals/internal/esdbfake"
	"github.com/annals-io/annals/internal/esdbfake/esdbtest"
)

// The leader is told to shut down, over HTTP on the port of its gRPC: another leads, and it comes back.
func TestTheLeaderIsShutDown(t *testing.T) {
	t.Parallel()
	opts := esdbfake.Options{CertDir: t.TempDir(), Users: map[string]string{"admin": "right"}}
	first := esdbtest.Start(t, opts)
	opts.Join = first
	second := esdbtest.Start(t, opts)
	c := esdbtest.Client(t, first.ClusterString())
	if _, err := c.AppendToStream(t.Context(), "s", esdb.AppendToStreamOptions{}, three()...); err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(filepath.Join(opts.CertDir, "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	defer transport.CloseIdleConnections()
	ask := func(method, path, password string) int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, "https://"+first.Address()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth("admin", password)
		answer, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		return answer.StatusCode
	}
	if got := ask("GET", "/health/live", ""); got != http.StatusNoContent {
		t.Errorf("alive: %d", got)
	}
	if got := ask("POST", "/admin/shutdown", "wrong"); got != http.StatusUnauthorized {
		t.Errorf("with a wrong password: %d", got)
	}
	if got := ask("POST", "/admin/shutdown", "right"); got != http.StatusOK {
		t.Errorf("the order: %d", got)
	}
	connection, err := grpc.NewClient(second.Address(), grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(pool, "")))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		info, err := gossip.NewGossipClient(connection).Read(ctx, &shared.Empty{})
		if err != nil {
			t.Fatalf("%v; want the other to lead and this one back", err)
		}
		m := info.GetMembers()
		if len(m) == 2 && m[0].GetIsAlive() && m[0].GetState() == gossip.MemberInfo_Follower && m[1].GetState() == gossip.MemberInfo_Leader {
			break
		}
	}
	if got, err := types(t, c, "s", esdb.ReadStreamOptions{}); err != nil || len(got) != 3 {
		t.Errorf("%v, %v", got, err)
	}
}
