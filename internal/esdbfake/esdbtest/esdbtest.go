// Package esdbtest starts event stores for tests, and talks to them with the official client: what any other user of
// a server would do to it.
package esdbtest

import (
	"testing"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/annals-io/annals/internal/esdbfake"
)

// Start is a server that ends with the test.
func Start(t testing.TB, opts esdbfake.Options) *esdbfake.Server {
	t.Helper()
	s, err := esdbfake.Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// Client is the official client, connected to whatever a connection string names, until the end of the test.
func Client(t testing.TB, connection string) *client.Client {
	t.Helper()
	config, err := client.ParseConnectionString(connection)
	if err != nil {
		t.Fatal(err)
	}
	config.Logger = client.NoopLogging()
	c, err := client.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}
