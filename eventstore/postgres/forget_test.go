package postgres_test

import (
	"testing"
	"time"

	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/postgres"
)

func TestForgetCommands(t *testing.T) {
	t.Parallel()
	s := open(t, migrated(t), postgres.Options{})
	old, ingested, young := one(eventstore.NoStream, "old"), one(0, "ingested"), one(1, "young")
	old.Events[0].RecordedAt = time.Now().Add(-2 * postgres.CommandLife)
	ingested.Events[0].RecordedAt = old.Events[0].RecordedAt
	ingested.Forever = true
	for _, sl := range []eventstore.Slice{old, ingested, young} {
		mustAppend(t, s, sl)
	}
	n, err := s.ForgetCommands(t.Context(), time.Now().Add(-postgres.CommandLife))
	if err != nil || n != 1 {
		t.Errorf("forgot %d commands, %v; want the old one", n, err)
	}
	known, err := s.Commands(t.Context(), ws, []string{"old", "ingested", "young"})
	if err != nil || len(known) != 2 || known["ingested"].First != 1 || known["young"].First != 2 {
		t.Errorf("known are %v, %v; want the ingested and the young one", known, err)
	}
	if n := len(read(t, s)); n != 3 {
		t.Errorf("%d events, want all 3", n)
	}
}
