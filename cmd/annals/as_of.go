package main

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// asOfFlag is --as-of: a revision, or a time.
type asOfFlag struct {
	text string
	held json.Number // the revision that was shown first, of a list that is read page by page
}

func (f *asOfFlag) add(cmd *cobra.Command) {
	cmd.Flags().Var(momentFlag{&f.text}, "as-of", "look at an earlier `moment`: a time (2026-03-01, 2026-03-01T12:00:00Z) or a revision (4711)")
}

// A momentFlag is the text of a moment. An empty one is refused where it is given, as by a variable of a script that is not
// set: it would be now.
type momentFlag struct{ text *string }

func (f momentFlag) String() string {
	if f.text == nil {
		return ""
	}
	return *f.text
}

// Type is the word for the value in help texts.
func (momentFlag) Type() string { return "moment" }

// Set takes the text.
func (f momentFlag) Set(s string) error {
	if strings.TrimSpace(s) == "" {
		return errors.New("it is empty: write a revision (4711) or a time (2026-03-01), or leave the flag out for now")
	}
	*f.text = strings.TrimSpace(s)
	return nil
}

// input is the GraphQL value, nil where the moment is the present.
func (f *asOfFlag) input() (map[string]any, error) {
	if f.held != "" {
		return map[string]any{"revision": f.held}, nil
	}
	return momentInput("--as-of", f.text)
}

// hold keeps to the moment that the first page showed: a list is of one moment, whatever is recorded while its other pages
// are read.
func (f *asOfFlag) hold(m shownMoment) {
	if r, err := decodeRow(m.doc); err == nil {
		f.held, _ = r.at("revision").(json.Number)
	}
}

// given says that an earlier moment was asked for.
func (f *asOfFlag) given() bool { return f.text != "" }

// momentInput is a moment that a flag names, as GraphQL takes it; nil for none.
func momentInput(flag, s string) (map[string]any, error) {
	if s == "" {
		return nil, nil
	}
	if strings.Trim(s, "0123456789") == "" {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return nil, usage("%s %s is larger than any revision", flag, clip(s, 40)).with("write the number of an event, such as 4711: `annals log` shows them")
		}
		return map[string]any{"revision": json.Number(strconv.FormatInt(n, 10))}, nil
	}
	t, err := parseTime(s)
	if err != nil {
		return nil, usage("%s %q is neither a revision nor a time", flag, s).with("write 4711, 2026-03-01 or 2026-03-01T12:00:00Z")
	}
	return map[string]any{"time": t.UTC().Format(time.RFC3339Nano)}, nil
}

// momentFields are asked of everything that names the moment it shows.
const momentFields = "asOf { revision time settled }"

// A shownMoment is the moment that an answer really shows.
type shownMoment struct {
	doc   json.RawMessage // as the server wrote it
	asked bool            // somebody asked for an earlier one
}

// line tells people which moment it is.
func (m shownMoment) line() string {
	r, err := decodeRow(m.doc)
	if err != nil {
		return ""
	}
	return "as of " + momentWords(r)
}

// before says of what is not there when it was looked for, where that was earlier.
func (m shownMoment) before() string {
	if r, err := decodeRow(m.doc); err == nil && m.asked {
		return " as of " + momentWords(r)
	}
	return ""
}

// acrossMoment is the moment of a list of several workspaces or organizations: a time, at which each has a revision of its own.
func acrossMoment(at map[string]any) shownMoment {
	if at["time"] == nil {
		return shownMoment{}
	}
	doc, _ := json.Marshal(map[string]any{"time": at["time"]}) // a text
	return shownMoment{doc, true}
}

// momentWords are a revision, when it was recorded, and whether the same question will have the same answer for ever.
func momentWords(r row) string {
	if r.text("revision") == "" {
		return r.text("time")
	}
	words := "revision " + r.text("revision")
	if at := r.text("time"); at != "" {
		words += ", recorded " + at
	}
	if r.text("settled") == "" {
		words += ", not settled: close to now, the same time may come to mean a later revision"
	}
	return words
}

// within is an object with the moment that it is true at, where it does not name that itself.
func (m shownMoment) within(raw json.RawMessage) json.RawMessage {
	return withField(raw, "asOf", m.doc)
}

// withField is an object with one more field, at its end, where it has none of that name and there is a value.
func withField(raw json.RawMessage, name string, value json.RawMessage) json.RawMessage {
	if len(value) == 0 || len(raw) < 2 || raw[0] != '{' {
		return raw
	}
	var has map[string]json.RawMessage
	if json.Unmarshal(raw, &has) != nil || len(has) == 0 || has[name] != nil {
		return raw
	}
	out := append([]byte(nil), raw[:len(raw)-1]...)
	return append(append(append(append(out, `,"`...), name+`":`...), value...), '}')
}

// timeLayouts are the forms of time that are understood; without a zone it is UTC.
var timeLayouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"}

func parseTime(s string) (time.Time, error) {
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usage("%q is no time", s).with("write 2026-03-01 or 2026-03-01T12:00:00Z; without a zone it is UTC")
}

// eachAsOf are the columns of a list of which every row has a moment of its own: it is shown where one was asked for.
func eachAsOf(asOf asOfFlag, columns []column) []column {
	if asOf.given() {
		columns = append(columns, column{"AS OF REVISION", field("asOf", "revision")}, column{"RECORDED", moment("asOf", "time")})
	}
	return columns
}
