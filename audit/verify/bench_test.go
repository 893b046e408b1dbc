package verify

import "testing"

func BenchmarkExport(b *testing.B) {
	const events = 100_000
	dir, s, _ := whole(b, events, 1000)
	for b.Loop() {
		if r := verified(b, dir, s); !r.OK() {
			b.Fatal(r.Failures)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/events, "ns/event")
}
