package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
)

// The exit codes. They are part of the interface: scripts branch on them.
const (
	exitOK          = 0
	exitFailed      = 1   // something went wrong
	exitUsage       = 2   // the command was not understood, or names several things
	exitNotFound    = 3   // there is no such thing, or this key may not see it
	exitAuth        = 4   // no key, a wrong one, or one without the scope
	exitConflict    = 5   // taken, changed meanwhile, or not allowed in this state
	exitUnverified  = 6   // a verification failed, or there are differences
	exitTimeout     = 7   // not in time, or the answer would have been stale
	exitPartly      = 8   // some of many were rejected
	exitInterrupted = 130 // by Ctrl-C
)

// A failure is what a command prints instead of a result: a code, what went wrong, and the way out.
type failure struct {
	Exit       int      `json:"-"`
	Code       string   `json:"code"`
	Message    string   `json:"message"`
	Hint       string   `json:"hint,omitempty"`
	Path       string   `json:"path,omitempty"`
	Candidates []string `json:"candidates,omitempty"`
	silent     bool     // the command has said it all
	page       int      // the largest page that the server gives, where a larger one was asked for
}

func (f *failure) Error() string { return f.Message }

// usage says that the command line cannot be understood.
func usage(format string, args ...any) *failure {
	return &failure{Exit: exitUsage, Code: "usage", Message: fmt.Sprintf(format, args...)}
}

// with adds the way out.
func (f *failure) with(format string, args ...any) *failure {
	f.Hint = fmt.Sprintf(format, args...)
	return f
}

var errInterrupted = &failure{Exit: exitInterrupted, Code: "interrupted", Message: "interrupted"}

// failureOf makes any error printable.
func failureOf(err error) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	var netErr net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		return &failure{Exit: exitTimeout, Code: "timeout", Message: err.Error(), Hint: "give it longer by --timeout"}
	case errors.Is(err, context.Canceled):
		return errInterrupted
	}
	return &failure{Exit: exitFailed, Code: "failed", Message: err.Error()}
}

// printFailure writes to stderr: one JSON object where the output is for programs, else a few lines.
func (a *app) printFailure(f *failure) {
	if f.silent {
		return
	}
	if a.global.output == "json" || a.global.output == "ndjson" {
		e := json.NewEncoder(a.stderr)
		e.SetEscapeHTML(false)                   // a hint with "<" in it is for people too
		_ = e.Encode(map[string]any{"error": f}) // there is nowhere else to say it
		return
	}
	writeFailure(a.stderr, f)
}

func writeFailure(w io.Writer, f *failure) {
	var b strings.Builder
	fmt.Fprintf(&b, "annals: %s\n", clean(f.Message))
	if f.Path != "" {
		fmt.Fprintf(&b, "  at %s\n", clean(f.Path))
	}
	for _, c := range f.Candidates {
		fmt.Fprintf(&b, "  %s\n", clean(c))
	}
	if f.Hint != "" {
		fmt.Fprintf(&b, "  %s\n", clean(f.Hint))
	}
	_, _ = io.WriteString(w, b.String()) // there is nowhere else to say it
}
