package openlineage

import (
	"time"

	"github.com/annals-io/annals/ingest/foreign"
)

// eventTime reads the time of the event and flags one from the future.
func (r *reader) eventTime(root object, now time.Time) error {
	v := root.v.Get("eventTime")
	if !v.Present() {
		return &foreign.Refusal{Code: MissingTime, Path: "/eventTime", Offset: -1, Rule: ruleTime, Message: "there is no eventTime"}
	}
	at, zone, ok := foreign.ParseTime(v.Text())
	if !ok {
		return &foreign.Refusal{Code: InvalidTime, Path: "/eventTime", Offset: -1, Rule: ruleTime, Message: "the eventTime is no date and time"}
	}
	if !zone {
		r.warn("/eventTime", TimeWithoutZone, "the time has no zone: taken as UTC")
	}
	if r.event.Future = at.After(now.Add(24 * time.Hour)); r.event.Future {
		r.warn("/eventTime", TimeInFuture, "the time is more than a day ahead: kept")
	}
	r.event.Time = at
	return nil
}
