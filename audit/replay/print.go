package replay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The forms in which entries are written.
const (
	Compact     = "compact"     // a line for people
	JSON        = "json"        // the entry, a line each
	CloudEvents = "cloudevents" // CloudEvents 1.0 in JSON, a line each
)

// A Printer writes entries.
type Printer struct {
	W      io.Writer
	Form   string
	Source string // of CloudEvents: a URI that says where the history is, such as /workspaces/lab

	buffer bytes.Buffer
}

// Print writes an entry, or answers why it could not.
func (p *Printer) Print(e *Entry) error {
	p.buffer.Reset()
	var err error
	switch p.Form {
	case JSON:
		err = p.json(e)
	case CloudEvents:
		err = p.json(p.cloud(e))
	default:
		fmt.Fprintf(&p.buffer, "%7d  %s  %-28s %s%s\n", e.Revision, e.RecordedAt.UTC().Format("2006-01-02 15:04:05.000000"), e.Type, clean(e.Summary), clean(after(e)))
	}
	if err != nil {
		return fmt.Errorf("write revision %d: %w", e.Revision, err)
	}
	_, err = p.W.Write(p.buffer.Bytes())
	return err
}

func (p *Printer) json(v any) error {
	enc := json.NewEncoder(&p.buffer)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// after is who did it and why.
func after(e *Entry) string {
	s := ""
	if e.Actor.Kind != "" {
		s = "  by " + e.Actor.Kind + " " + e.Actor.ID
	}
	if e.Reason != "" {
		s += "  because: " + e.Reason
	}
	return s
}

// clean keeps what came from outside on its line, and to the characters that attributes of CloudEvents have: no control
// characters, and none that stand for no character at all.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return ' '
		case unicode.IsControl(r) || r&0xFFFE == 0xFFFE || r >= 0xFDD0 && r <= 0xFDEF:
			return utf8.RuneError
		}
		return r
	}, s)
}
