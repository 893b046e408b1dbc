package memory_test

import (
	"testing"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/eventstoretest"
	"github.com/annals-io/annals/eventstore/memory"
)

func TestContract(t *testing.T) {
	t.Parallel()
	eventstoretest.Run(t, eventstoretest.Backend{
		Open: func(t testing.TB) eventstore.Store {
			s := memory.New()
			t.Cleanup(func() { _ = s.Close() })
			return s
		},
		Reopen: func(_ testing.TB, s eventstore.Store) eventstore.Store { return s },
		Damage: func(t testing.TB, s eventstore.Store, stream domain.Stream, kind eventstoretest.Damage) {
			m := s.(*memory.Store)
			switch kind {
			case eventstoretest.CutTail:
				m.Cut(stream, 5)
			case eventstoretest.CutHead:
				m.Pierce(stream, 0)
			case eventstoretest.Pierced:
				m.Pierce(stream, 2)
			case eventstoretest.RemovedAll:
				m.Cut(stream, 0)
			}
		},
	})
}
