package main

import (
	"context"
	"os"
	"runtime/debug"
	heap "runtime/metrics"
	"time"
)

// The collector of a server with little alive would run about once a request at Go's default of 100 percent: a walk of
// a thousand nodes allocates as much as everything alive. So the heap may grow to gcRoom between collections while
// that is cheap, and the closer what is alive comes to gcRoom, the nearer the percentage comes to the default again.
// A fixed memory limit would do the first half and make a server with more alive than that collect without end.
const (
	gcRoom = 160 << 20 // bytes
	gcMost = 400       // percent
	gcLike = 100       // percent, Go's default
)

// gcPercent is how much the heap may grow, in percent of what is alive (bytes), until the next collection.
func gcPercent(alive uint64) int {
	if alive == 0 {
		return gcMost
	}
	if alive >= gcRoom {
		return gcLike
	}
	return int(min(max((gcRoom-alive)*100/alive, gcLike), gcMost))
}

// tuneGC keeps the percentage of the collector until ctx ends, then sets what it was. Who set GOGC is obeyed.
func tuneGC(ctx context.Context) {
	if os.Getenv("GOGC") != "" {
		return
	}
	now := gcMost
	before := debug.SetGCPercent(now)
	defer debug.SetGCPercent(before)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	sample := []heap.Sample{{Name: "/gc/heap/live:bytes"}}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		heap.Read(sample)
		if next := gcPercent(sample[0].Value.Uint64()); next != now {
			debug.SetGCPercent(next)
			now = next
		}
	}
}
