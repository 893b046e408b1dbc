package postgres_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/postgres"
)

// BenchmarkWallOfTheLog compares reading texts and events as the server reads them with the same behind the wall, in turns,
// so that what else the machine does is in both: the median of each.
func BenchmarkWallOfTheLog(b *testing.B) {
	w := newWalled(b)
	may := func(context.Context, domain.Slug) (bool, error) { return true, nil }
	a, err := postgres.OpenAnswers(b.Context(), w.pool.Config(), 2, postgres.Wall{Reader: reader, Surveyor: surveyor, May: may, MayWrite: may})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(a.Close)
	wanted := []domain.Digest{digest(ownStream)}
	for name, ways := range map[string][2]func() error{
		"a text": {
			func() error { _, err := w.store.Evidence(b.Context(), ownStream, wanted); return err },
			func() error {
				_, err := a.Evidence(b.Context(), []postgres.Glance{{Stream: ownStream, For: "own", Digests: wanted}})
				return err
			},
		},
		"events": {
			func() error {
				_, err := w.store.ReadStream(b.Context(), ownStream, 0, eventstore.Forward, 10)
				return err
			},
			func() error {
				_, err := a.ReadStream(b.Context(), ownStream, "own", 0, eventstore.Forward, 10)
				return err
			},
		},
	} {
		b.Run(name, func(b *testing.B) {
			took := [2][]time.Duration{}
			for b.Loop() {
				for i, ask := range ways {
					began := time.Now()
					if err := ask(); err != nil {
						b.Fatal(err)
					}
					took[i] = append(took[i], time.Since(began))
				}
			}
			median := func(i int) float64 {
				slices.Sort(took[i])
				return float64(took[i][len(took[i])/2].Microseconds())
			}
			b.ReportMetric(median(0), "open-us")
			b.ReportMetric(median(1), "walled-us")
		})
	}
}
