//go:build kurrentdb

package esdb_test

import (
	"os"
	"testing"

	"github.com/annals-io/annals/eventstore/eventstoretest"
)

// TestContractAgainstARealServer holds the server that KURRENTDB names to the contract:
//
//	make test-kurrentdb KURRENTDB='esdb://admin:changeit@localhost:2113?tls=false'
func TestContractAgainstARealServer(t *testing.T) {
	connection := os.Getenv("KURRENTDB")
	if connection == "" {
		t.Fatal("KURRENTDB is not set: it is the connection string of the server, esdb://...")
	}
	eventstoretest.Run(t, guest(connection))
}
