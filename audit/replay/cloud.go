package replay

import (
	"encoding/json"
	"fmt"
	"time"
)

// A cloudEvent is an event in the JSON format of CloudEvents 1.0. Attributes of an extension are of lower-case letters alone,
// at most twenty; a number among them has 32 bits, so that the revision is a string.
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
		SpecVersion: "1.0", ID: e.ID, Source: p.Source, Type: "io.annals." + clean(e.Type), Subject: clean(e.Subject.Kind + "/" + e.Subject.ID), Time: e.OccurredAt, DataContentType: "application/json",
		Revision: fmt.Sprint(e.Revision), RecordedTime: e.RecordedAt, SchemaVersion: e.SchemaVersion, Reason: clean(e.Reason),
		CommandID: clean(e.CommandID), CorrelationID: clean(e.CorrelationID), CausationID: e.CausationID, Data: e.Data,
	}
	if e.Actor.Kind != "" {
		c.Actor = clean(e.Actor.Kind + "/" + e.Actor.ID)
	}
	return c
}
