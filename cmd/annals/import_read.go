package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/annals-io/annals/ingest/foreign"
)

// place is where an event lies in the sources.
type place struct {
	file string
	line int
}

func (p place) String() string { return fmt.Sprintf("%s:%d", p.file, p.line) }

// batch is what one request carries.
type batch struct {
	bodies [][]byte
	places []place
	bytes  int
}

func sizeOf(files []string) (int64, error) {
	var total int64
	for _, name := range files {
		if name == "-" {
			return 0, nil
		}
		info, err := os.Stat(name)
		if err != nil {
			return 0, &failure{Exit: exitNotFound, Code: "not_found", Message: err.Error()}
		}
		if info.IsDir() {
			return 0, usage("%s is a directory", name).with("name the files in it: %s/*", strings.TrimSuffix(name, "/"))
		}
		if !info.Mode().IsRegular() {
			return 0, nil
		}
		total += info.Size()
	}
	return total, nil
}

func (m *importing) readAll(ctx context.Context, files []string, stdin io.Reader, to chan<- batch) error {
	for _, name := range files {
		source := stdin
		if name != "-" {
			file, err := os.Open(name)
			if err != nil {
				return err
			}
			defer file.Close()
			source = file
		} else {
			name = "standard input"
		}
		if err := m.readOne(ctx, name, counted{source, m.bar}, to); err != nil {
			return err
		}
	}
	return nil
}

// readOne cuts one source into batches. A body that is no JSON is rejected here, in the words the server would use: in
// a batch it would blur its neighbours.
func (m *importing) readOne(ctx context.Context, name string, source io.Reader, to chan<- batch) error {
	var b batch
	flush := func() error {
		if len(b.bodies) == 0 {
			return nil
		}
		select {
		case to <- b:
			b = batch{}
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	bodies := foreign.NewSplitter(source, 0)
	if base := strings.TrimSuffix(name, ".gz"); strings.HasSuffix(base, ".ndjson") || strings.HasSuffix(base, ".jsonl") {
		bodies.Lines()
	}
	for item, err := range bodies.All() {
		if err != nil {
			return errors.Join(flush(), fmt.Errorf("read %s: %w", name, err))
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		m.mu.Lock()
		m.sum.Read++
		m.mu.Unlock()
		at := place{name, item.Line}
		if no := checked(item); no != nil {
			m.reject(at, string(no.Code), no.Path, no.Message)
			m.bar.add(1)
			continue
		}
		if b.bytes+len(item.Body) > bytesAtOnce || len(b.bodies) == eventsAtOnce {
			if err := flush(); err != nil {
				return err
			}
		}
		b.bodies, b.places, b.bytes = append(b.bodies, item.Body), append(b.places, at), b.bytes+len(item.Body)
	}
	return flush()
}

// checked is the refusal of a body that is not one JSON value.
func checked(item foreign.Item) *foreign.Refusal {
	if item.No != nil {
		return item.No
	}
	var no *foreign.Refusal
	if _, err := foreign.Scan(item.Body, foreign.Limits{}); errors.As(err, &no) {
		return no
	}
	return nil
}
