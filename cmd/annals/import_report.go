package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
)

// rejection is an event that was not taken.
type rejection struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Code    string `json:"code"`
	Path    string `json:"path,omitempty"`
	Message string `json:"message"`
}

// maxRejections bounds what is remembered of a file that is no such file at all.
const maxRejections = 10_000

// imported is the summary of an import.
type imported struct {
	Read       int         `json:"read"`
	Accepted   int         `json:"accepted"`
	Duplicates int         `json:"duplicates"`
	Rejected   int         `json:"rejected"`
	Revision   int64       `json:"revision"` // read at least this to see all of it; -1: nothing was taken
	Seconds    float64     `json:"seconds"`
	Complete   bool        `json:"complete"` // false: it was interrupted or failed, and what is missing can be sent again
	Rejections []rejection `json:"rejections"`
}

// importing is one import under way. mu guards the summary.
type importing struct {
	mu  sync.Mutex
	sum imported
	bar *progress
}

func (m *importing) reject(at place, code, path, message string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sum.Rejected++
	if len(m.sum.Rejections) < maxRejections {
		m.sum.Rejections = append(m.sum.Rejections, rejection{at.file, at.line, code, path, message})
	}
}

// concludeImport prints the summary and says by the exit code whether all went in.
func (a *app) concludeImport(sum imported, err error) error {
	if perr := a.printObject(rawJSON(sum), func(w io.Writer, _ row) error { return sum.write(w) }); perr != nil {
		return perr
	}
	switch {
	case errors.Is(err, context.Canceled):
		f := *errInterrupted
		return (&f).with("run the same command again to send the rest: what was taken is known and changes nothing")
	case err != nil:
		f := *failureOf(err)
		if f.Hint == "" {
			f.Hint = "run the same command again to send the rest: what was taken is known and changes nothing"
		}
		return &f
	case sum.Rejected > 0:
		return &failure{Exit: exitPartly, Code: "partly_rejected", Message: fmt.Sprintf("%s of %s events were rejected", grouped(sum.Rejected), grouped(sum.Read))}
	}
	return nil
}

// shownRejections is how many a person is shown.
const shownRejections = 50

func (s imported) write(w io.Writer) error {
	rate := 0.0
	if s.Seconds > 0 {
		rate = float64(s.Accepted+s.Duplicates) / s.Seconds
	}
	err := facts(w, "read", grouped(s.Read), "accepted", grouped(s.Accepted), "duplicates", grouped(s.Duplicates), "rejected", grouped(s.Rejected),
		"took", fmt.Sprintf("%.1f s (%s/s)", s.Seconds, grouped(int(rate))))
	for i, r := range s.Rejections {
		if i == shownRejections {
			_, err = fmt.Fprintf(w, "... and %s more: -o json lists them\n", grouped(s.Rejected-i))
			break
		}
		where := r.Path
		if where != "" {
			where += ": "
		}
		if _, err = fmt.Fprintf(w, "%s:%d: %s%s (%s)\n", r.File, r.Line, clean(where), clean(r.Message), r.Code); err != nil {
			break
		}
	}
	return err
}
