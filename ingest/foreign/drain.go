package foreign

import (
	"io"
	"net/http"
	"time"
)

// The bounds of [Drain].
const (
	drainBytes = 8 * MaxBytes
	drainTime  = 5 * time.Second
)

// Drain reads on what is left of a refused body, within bounds. Many clients write all of a body before they look for
// an answer: one whose connection closes meanwhile sees a broken pipe instead of the refusal, and tries again. A client
// that waits to be asked for its body is not asked.
func Drain(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Expect") != "" {
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(drainTime)) // not every writer has deadlines
	_, _ = io.CopyN(io.Discard, r.Body, drainBytes)                              // whatever can be read of it
}
