package main

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"
)

// pause is a moment between two looks at something that comes by itself.
func pause() { _ = sleep(context.Background(), 10*time.Millisecond) }

// passes lets that time pass inside of synctest.Test, where the clock goes on when nobody has anything to do.
func passes(d time.Duration) { _ = sleep(context.Background(), d) }

// decode reads JSON or fails the test.
func decode(t testing.TB, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%q is not the JSON it should be: %v", text, err)
	}
}

// defaultClient is a client for tests that ask a server directly.
func defaultClient() *http.Client { return &http.Client{Timeout: 30 * time.Second} }
