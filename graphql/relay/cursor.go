package relay

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// A Cursor is a row's place in one list, as the read models write it: what the list is sorted by, and the row's key.
// Filter is the hash of everything that shaped the list ([Shape]); a cursor of another list is refused, since its
// place there would be meaningless. Revision is the moment the row was read at.
type Cursor struct {
	Version  int    `json:"v"`
	Place    string `json:"p"`
	Revision int64  `json:"r"`
	Filter   string `json:"f"`
}

// version is that of the cursor's own shape.
const version = 1

// maxCursor bounds what is decoded. A sort value may be a name of 4 KiB, escaped.
const maxCursor = 64 << 10

// Errors of reading a cursor. All mean: ask for the first page again.
var (
	ErrNotCursor   = errors.New("not a cursor: leave it out to begin at the first page")
	ErrForked      = errors.New("a cursor from before the database was restored or copied: leave it out to begin at the first page")
	ErrOtherCursor = errors.New("a cursor of another list: filter and order must be those of the page it came from")
)

// Shape hashes what shapes a list: its name, filter and order, but not the page asked for.
func Shape(parts ...any) (string, error) {
	b, err := json.Marshal(parts)
	if err != nil {
		return "", fmt.Errorf("hash the shape of a list: %w", err)
	}
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(sum[:9]), nil
}

// forkMark stands between the hash of a list and the course of events; neither holds it.
const forkMark = "."

// In is a shape in one course of events, by its short form: a cursor of the same list in another one is [ErrForked].
func In(shape, fork string) string { return shape + forkMark + fork }

// String writes the cursor as base64url of JSON.
func (c Cursor) String() string {
	c.Version = version
	b, err := json.Marshal(c)
	if err != nil {
		panic(err) // two texts and two numbers
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// ParseCursor reads a cursor of the list with that shape.
func ParseCursor(s, shape string) (Cursor, error) {
	if len(s) > maxCursor {
		return Cursor{}, ErrNotCursor
	}
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return Cursor{}, ErrNotCursor
	}
	var c Cursor
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil || c.Version != version || c.Place == "" {
		return Cursor{}, ErrNotCursor
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Cursor{}, ErrNotCursor
	}
	if c.Filter != shape {
		list, fork, _ := strings.Cut(c.Filter, forkMark)
		if of, in, _ := strings.Cut(shape, forkMark); list == of && fork != in {
			return Cursor{}, ErrForked
		}
		return Cursor{}, ErrOtherCursor
	}
	return c, nil
}
