package main

import (
	"context"
	"testing"

	"github.com/annals-io/annals/internal/bench"
)

// While the read models are built anew, swapped, gone back from and verified, with writes and reads going on, no answer
// fails, is put together from two models, or goes back. The same with a million events: annals bench --only rebuild-live.
func TestARebuildIsNotNoticed(t *testing.T) {
	t.Parallel()
	s := loaded(t)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	type gathered struct {
		bench.Crowded
		err error
	}
	done := make(chan gathered, 1)
	go func() {
		found, err := bench.Crowd{URL: s.URL, Key: s.Key, Rate: 100, Places: 2}.Run(ctx)
		done <- gathered{found, err}
	}()
	for _, args := range [][]string{{"projection", "rebuild"}, {"projection", "verify", "--all"}, {"projection", "rebuild", "--rollback"}, {"projection", "rebuild", "--full-speed"}, {"projection", "verify", "--all"}} {
		if out, errs, exit := s.annals("", args...); exit != 0 {
			t.Errorf("annals %v exits %d: %s%s", args, exit, out, errs)
		}
	}
	leave()
	found := <-done
	if found.err != nil || found.Failed != 0 || found.Mixed != 0 || found.Read < 20 || found.Written < 20 {
		t.Errorf("the crowd found %+v, %v", found.Crowded, found.err)
	}
}
