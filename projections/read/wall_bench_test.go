package read

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/annals-io/annals/domain"
)

// BenchmarkWall compares questions in the open with the same ones behind the wall, in turns, so that what else the machine
// does is in both: the median of each, and what the wall adds.
func BenchmarkWall(b *testing.B) {
	_, pool := newModel(b)
	if _, err := pool.Exec(context.Background(), strings.ReplaceAll(generated, "read.", testSchema+".")); err != nil {
		b.Fatal(err)
	}
	raise(b, pool)
	m := Moment{Slug: "big", Number: 1, Schema: testSchema, Revision: 213_000}
	for name, ask := range map[string]func(*DB) error{
		"newest runs": func(d *DB) error { _, err := d.Runs(context.Background(), m, RunQuery{}); return err },
		"one run":     func(d *DB) error { _, err := d.RunsByKey(context.Background(), m, []int64{4096 * 1024}); return err },
		"lineage": func(d *DB) error {
			_, err := d.Lineage(context.Background(), m, LineageQuery{Roots: []Node{{domain.KindArtifactVersion, 20000*5*1024 + 1}}, Up: true, Depth: 20})
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			dbs := []*DB{New(pool), behind(b, pool.Config(), everything)}
			took := [2][]time.Duration{}
			for _, d := range dbs {
				d.Remember(0)
			}
			for b.Loop() {
				for i, d := range dbs {
					began := time.Now()
					if err := ask(d); err != nil {
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
