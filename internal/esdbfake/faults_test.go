package esdbfake_test

import (
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/annals-io/annals/internal/esdbfake"
	"github.com/annals-io/annals/internal/esdbfake/esdbtest"
)

// A slow append is an append; a late one is an error to who gave up, and written all the same.
func TestSlowAndLateAppends(t *testing.T) {
	t.Parallel()
	s := esdbtest.Start(t, esdbfake.Options{})
	c := esdbtest.Client(t, s.ConnectionString())
	s.Fail(esdbfake.Fault{On: esdbfake.OpAppend, Kind: esdbfake.Slow})
	began := time.Now()
	if _, err := c.AppendToStream(t.Context(), "slow", esdb.AppendToStreamOptions{}, three()...); err != nil || time.Since(began) < 100*time.Millisecond {
		t.Errorf("slow: %v after %s", err, time.Since(began))
	}
	s.Fail(esdbfake.Fault{On: esdbfake.OpAppend, Kind: esdbfake.Late})
	wait := 50 * time.Millisecond
	if _, err := c.AppendToStream(t.Context(), "late", esdb.AppendToStreamOptions{Deadline: &wait}, three()...); code(err) != esdb.ErrorCodeDeadlineExceeded {
		t.Errorf("late: %v", err)
	}
	sub, err := c.SubscribeToStream(t.Context(), "late", esdb.SubscribeToStreamOptions{From: esdb.Start{}})
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	for written := 0; written < 3; {
		switch e := sub.Recv(); {
		case e.EventAppeared != nil:
			written++
		case e.SubscriptionDropped != nil:
			t.Fatal(e.SubscriptionDropped.Error)
		}
	}
}
