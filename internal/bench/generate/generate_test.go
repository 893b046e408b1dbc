package generate

import (
	"bytes"
	"testing"
	"time"

	"github.com/annals-io/annals/ingest/native"
)

func TestSeedsRepeat(t *testing.T) {
	t.Parallel()
	a, b := NewOpenLineage(7, 50), NewOpenLineage(7, 50)
	bytesIn := 0
	for range 500 {
		x, y := a.Next(), b.Next()
		if !bytes.Equal(x, y) {
			t.Fatalf("the same seed made\n%s\n%s", x, y)
		}
		bytesIn += len(x)
	}
	if mean := bytesIn / 500; mean < 2000 || mean > 5000 {
		t.Errorf("an event has %d bytes on average; real ones have about 3,000", mean)
	}
}

func TestNativeRowsAreTaken(t *testing.T) {
	t.Parallel()
	g, now := NewNative(7, 50), time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	runs := map[string]int{}
	for range 50 * FactsPerRun {
		row := g.Next()
		e, err := native.Read(row, now)
		if err != nil {
			t.Fatalf("%v\n%s", err, row)
		}
		runs[e.ID[:36]]++
	}
	for run, n := range runs {
		if n != FactsPerRun {
			t.Errorf("run %s has %d facts, want %d", run, n, FactsPerRun)
		}
	}
}
