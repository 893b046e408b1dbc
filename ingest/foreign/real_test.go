package foreign

import (
	"bytes"
	"os"
	"testing"
)

// realEvents are a few events of real producers: see testdata/SOURCES.md.
func realEvents(t testing.TB) [][]byte {
	t.Helper()
	lines, err := os.ReadFile("testdata/real.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Split(bytes.TrimSpace(lines), []byte("\n"))
}
