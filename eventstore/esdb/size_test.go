package esdb

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// What is refused as too large is decided before any backend sees it ([eventstore.Slice.Stored]): what a server
// counts of one append here is never more than that.
func TestNoMoreIsSentThanWasCounted(t *testing.T) {
	t.Parallel()
	causation := uuid.Max
	for name, text := range map[string]string{
		"none": "", "plain": strings.Repeat("a", 200), "escaped": strings.Repeat("\x01\"\\<é\u2028", 20), "not UTF-8": strings.Repeat("\xff", 40),
	} {
		sl := eventstore.Slice{Stream: "workspace-a", CommandID: strings.ToValidUTF8(text, "?"), Forever: true}
		for range 3 {
			sl.Events = append(sl.Events, eventstore.NewEvent{
				Data: []byte(`{}`), Envelope: domain.Envelope{
					EventID: uuid.New(), Type: "artifact_version.deleted", Version: math.MaxInt16,
					RecordedAt: time.UnixMicro(math.MinInt64), OccurredAt: time.UnixMicro(math.MinInt64),
					Subject: domain.Entity{Kind: domain.Kind(text), ID: uuid.Max}, Meta: domain.Meta{CorrelationID: text, CausationID: &causation},
				},
			})
		}
		if err := sl.Prepare(); err != nil {
			t.Fatal(err)
		}
		_, _, size, err := freeze(&sl, &state{name: sl.Stream, last: math.MaxInt64 - 10})
		if err != nil {
			t.Fatal(err)
		}
		if counted := sl.Stored(); size > counted || name == "plain" && counted-size > 3*64 {
			t.Errorf("%s: %d bytes are sent and %d counted", name, size, counted)
		}
	}
}
