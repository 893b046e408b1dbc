package replay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
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

// clean keeps what came from outside on its line.
func clean(s string) string {
	if strings.IndexFunc(s, unicode.IsControl) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

// A cloudEvent is an event in the form of CloudEvents 1.0. Attributes of an extension are of lower-case letters alone.
type cloudEvent struct {
	SpecVersion     string          `json:"specversion"`
	ID              string          `json:"id"`
	Source          string          `json:"source"`
	Type            string          `json:"type"`
	Subject         string          `json:"subject"`
	Time            time.Time       `json:"time"` // when it happened
	DataContentType string          `json:"datacontenttype"`
	Revision        string          `json:"revision"`
	RecordedTime    time.Time       `json:"recordedtime"`
	SchemaVersion   int             `json:"schemaversion"`
	Actor           string          `json:"actor,omitempty"`
	Reason          string          `json:"reason,omitempty"`
	CommandID       string          `json:"commandid,omitempty"`
	CorrelationID   string          `json:"correlationid,omitempty"`
	CausationID     string          `json:"causationid,omitempty"`
	Data            json.RawMessage `json:"data"`
}

func (p *Printer) cloud(e *Entry) cloudEvent {
	c := cloudEvent{
		SpecVersion: "1.0", ID: e.ID, Source: p.Source, Type: "io.annals." + e.Type, Subject: e.Subject.Kind + "/" + e.Subject.ID, Time: e.OccurredAt, DataContentType: "application/json",
		Revision: fmt.Sprint(e.Revision), RecordedTime: e.RecordedAt, SchemaVersion: e.SchemaVersion, Reason: e.Reason,
		CommandID: e.CommandID, CorrelationID: e.CorrelationID, CausationID: e.CausationID, Data: e.Data,
	}
	if e.Actor.Kind != "" {
		c.Actor = e.Actor.Kind + "/" + e.Actor.ID
	}
	return c
}
