package esdb_test

import (
	"fmt"
	"testing"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/internal/esdbfake"
	"github.com/annals-io/annals/internal/esdbfake/esdbtest"
)

// Where the database beside the log was lost, commands are recognised all the same, and a stream is not held in memory
// for it: what was read goes to the tables a portion at a time.
func TestALostDatabaseIsFilledAgainInPortions(t *testing.T) {
	t.Parallel()
	server := esdbtest.Start(t, esdbfake.Options{})
	s := open(t, server.ConnectionString(), beside(t))
	const commands = 2500 // more than two pages
	for from := 0; from < commands; from += 100 {
		var sl []eventstore.Slice
		for i := from; i < from+100; i++ {
			sl = append(sl, command(stream, eventstore.Expected(i-1), fmt.Sprint("command-", i), 1))
		}
		results, err := s.Append(t.Context(), sl)
		if err != nil || results[99].Err != nil {
			t.Fatalf("%v, %+v", err, results)
		}
	}
	fresh := open(t, server.ConnectionString(), beside(t))
	fresh.SetMaxTail(300)
	for _, i := range []int{0, 1234, commands - 1} {
		if r := appendOne(t, fresh, command(stream, eventstore.Any, fmt.Sprint("command-", i), 1)); !r.Duplicate || r.First != domain.Revision(i) {
			t.Errorf("command %d: %+v, want it known", i, r)
		}
	}
	if n := fresh.Remembered(); n > 1000 {
		t.Errorf("%d commands are held in memory", n)
	}
	var n int
	if err := fresh.Pool().QueryRow(t.Context(), `SELECT count(*) FROM log.commands`).Scan(&n); err != nil || n < commands-1000 {
		t.Errorf("the table knows %d commands, %v", n, err)
	}
	if r := appendOne(t, fresh, command(stream, eventstore.Expected(commands-1), "new", 1)); r.Err != nil || r.First != commands {
		t.Errorf("a new one: %+v", r)
	}
}
