package foreign

import (
	"strings"
	"testing"
)

// The largest body, one text with a word in it that asks for a closer look: what scrubbing may cost at most.
func BenchmarkScrubLargeText(b *testing.B) {
	text := strings.Repeat("Project [id#12 AS token_id#14, name.first#15] +- Relation spark_catalog.db.t parquet ", MaxBytes/100)
	doc, err := Scan([]byte(`{"plan":"`+text+`"}`), Limits{})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		doc.Scrub()
	}
}

func BenchmarkScan(b *testing.B) {
	events := realEvents(b)
	size := 0
	for _, e := range events {
		size += len(e)
	}
	b.SetBytes(int64(size))
	for b.Loop() {
		for _, e := range events {
			doc, err := Scan(e, Limits{})
			if err != nil {
				b.Fatal(err)
			}
			doc.Digest()
		}
	}
}
