// Package sink tells places outside the database every checkpoint that an instance signs: a file, another server by HTTP,
// or standard output, where whoever collects logs picks them up. Whoever rewrites the database cannot rewrite those as well,
// and what they keep is what an auditor holds an export against.
//
// All of them get the same text: signed notes as they are, each ended by an empty line. They may get a note twice.
package sink

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"
	"sync"

	"github.com/annals-io/annals/audit/checkpoint"
)

// A Sink is one such place.
type Sink interface {
	// Name tells it from others, without secrets.
	Name() string
	// Tell hands over signed notes, each ended by an empty line, and returns once they are kept.
	Tell(ctx context.Context, notes []byte) error
	// Told is the last checkpoint of each tree that it has, by origin, as far as it can say.
	Told(ctx context.Context) (map[string]checkpoint.Checkpoint, error)
}

// Parse makes a sink of what an operator wrote: file:PATH, http://… or https://…, or stdout, which is out.
func Parse(text string, out io.Writer) (Sink, error) {
	if text == "stdout" {
		return &Stdout{w: out}, nil
	}
	if path, ok := strings.CutPrefix(text, "file:"); ok && path != "" {
		path, err := filepath.Abs(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", text, err)
		}
		return &File{path: path}, nil
	}
	if u, err := url.Parse(text); err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" {
		return newHTTP(u), nil
	}
	return nil, fmt.Errorf("%q is no place for checkpoints: write file:PATH, https://… or stdout", text)
}

// Stdout writes to standard output.
type Stdout struct {
	mu sync.Mutex
	w  io.Writer
}

// Name is "stdout".
func (*Stdout) Name() string { return "stdout" }

// Tell writes the notes.
func (s *Stdout) Tell(_ context.Context, notes []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.w.Write(notes)
	return err
}

// Told knows nothing: what was written there cannot be read back.
func (*Stdout) Told(context.Context) (map[string]checkpoint.Checkpoint, error) { return nil, nil }

// signatureBytes is what a signature has: four of the key's id, and those of Ed25519.
const signatureBytes = 4 + ed25519.SignatureSize

// latest adds a note to the last ones of each tree, unless it was cut.
func latest(all map[string]checkpoint.Checkpoint, note []byte) {
	c, err := checkpoint.Read(note)
	if err != nil {
		return
	}
	end := bytes.LastIndexByte(note, ' ') // before the last signature
	signature, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(note[end+1:])))
	if err != nil || len(signature) < signatureBytes {
		return
	}
	if known, ok := all[c.Origin]; !ok || known.Size <= c.Size {
		all[c.Origin] = c
	}
}
