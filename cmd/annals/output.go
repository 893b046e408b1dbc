package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A list is what a listing command prints: rows as the server wrote them, so that JSON keeps its order and numbers.
type list struct {
	Items      []json.RawMessage `json:"items"`
	NextCursor *string           `json:"nextCursor"`
	TotalCount int               `json:"totalCount"`
	AsOf       json.RawMessage   `json:"asOf,omitempty"` // the moment that is shown; of lists across workspaces each row has its own

	lines int // that were written already: with ndjson, rows are not kept
}

// listOf is a complete list of our own rows.
func listOf(rows []any) list {
	l := list{Items: []json.RawMessage{}, TotalCount: len(rows)}
	for _, row := range rows {
		b, _ := json.Marshal(row) // structs of strings
		l.Items = append(l.Items, b)
	}
	return l
}

// A column of a table, for people.
type column struct {
	head string
	cell func(row) string
}

// A row is an item taken apart for a table.
type row map[string]any

// at is the value at a path of fields, nil where any of them is missing.
func (r row) at(path ...string) any {
	var v any = map[string]any(r)
	for _, name := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[name]
	}
	return v
}

// text is the value at a path as a cell.
func (r row) text(path ...string) string {
	switch v := r.at(path...).(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		if v {
			return "yes"
		}
		return ""
	case []any:
		words := make([]string, len(v))
		for i, one := range v {
			words[i] = row{"": one}.text("")
		}
		return strings.Join(words, ", ")
	case map[string]any:
		b, _ := json.Marshal(v) // came from JSON
		return string(b)
	default:
		return fmt.Sprint(v)
	}
}

// field is a cell that shows a field as it is.
func field(path ...string) func(row) string {
	return func(r row) string { return r.text(path...) }
}

// nameCell is a cell of what names a person: the word erased, where it was.
func nameCell(path ...string) func(row) string {
	return func(r row) string {
		if r.text(path...) == "" && r.text("erased") == "yes" {
			return "erased"
		}
		return r.text(path...)
	}
}

// moment is a cell that shows a time to the second, with its zone.
func moment(path ...string) func(row) string {
	return func(r row) string { return shortTime(r.text(path...)) }
}

func shortTime(s string) string {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return s
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

// duration is a cell that shows milliseconds.
func duration(path ...string) func(row) string {
	return func(r row) string {
		n, ok := r.at(path...).(json.Number)
		if !ok {
			return ""
		}
		ms, err := n.Int64()
		if err != nil {
			return n.String()
		}
		return shortDuration(time.Duration(ms) * time.Millisecond)
	}
}

func shortDuration(d time.Duration) string {
	switch {
	case d >= time.Hour:
		return d.Round(time.Minute).String()
	case d >= time.Minute:
		return d.Round(time.Second).String()
	}
	return d.Round(time.Millisecond).String()
}

// label is NAMESPACE/NAME, the form that can be pasted back.
func label(path ...string) func(row) string {
	return func(r row) string {
		m, _ := r.at(path...).(map[string]any)
		return nameOf(row(m))
	}
}

func nameOf(r row) string {
	if ns := r.text("namespace"); ns != "" {
		return ns + "/" + r.text("name")
	}
	return r.text("name")
}

func decodeRow(raw json.RawMessage) (row, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var r row
	if err := d.Decode(&r); err != nil {
		return nil, fmt.Errorf("read the server's answer: %w", err)
	}
	return r, nil
}

// printList writes a list in the form that was asked for.
func (a *app) printList(l list, columns []column) error {
	switch a.global.output {
	case "ndjson":
		return a.printLines(l.Items, l.AsOf)
	case "json", "yaml":
		return a.printValue(l)
	}
	t := a.table(columns)
	for _, item := range l.Items {
		r, err := decodeRow(item)
		if err != nil {
			return err
		}
		t.add(r)
	}
	if err := t.flush(); err != nil {
		return err
	}
	if a.shown.asked && len(l.AsOf) > 0 {
		if _, err := fmt.Fprintln(a.stdout, a.shown.line()); err != nil {
			return err
		}
	}
	if l.NextCursor != nil {
		fmt.Fprintf(a.stderr, "%d shown of %d; the rest: --after %s\n", len(l.Items), l.TotalCount, *l.NextCursor)
	}
	return nil
}

// printLines writes one object a line, each with the moment that it is true at: lines are read one by one, sorted and cut
// apart, and there is none that is not a row.
func (a *app) printLines(items []json.RawMessage, asOf json.RawMessage) error {
	var b bytes.Buffer
	for _, item := range items {
		if err := json.Compact(&b, withField(item, "asOf", asOf)); err != nil {
			return fmt.Errorf("read the server's answer: %w", err)
		}
		b.WriteByte('\n')
	}
	_, err := a.stdout.Write(b.Bytes())
	return err
}

// printBeside tells programs that read lines what no line says, as one more on standard error: which moment an empty list is
// of, and where a list that was cut off goes on.
func (a *app) printBeside(l list, about any) error {
	if l.lines > 0 && l.NextCursor == nil {
		return nil
	}
	b, err := json.Marshal(about)
	if err != nil {
		return fmt.Errorf("write what the list is of: %w", err)
	}
	_, err = fmt.Fprintf(a.stderr, "%s\n", b)
	return err
}

// printObject writes one thing; people get what show prints.
func (a *app) printObject(raw json.RawMessage, show func(w io.Writer, r row) error) error {
	switch a.global.output {
	case "ndjson":
		return a.printLines([]json.RawMessage{raw}, a.shown.doc)
	case "json", "yaml":
		return a.printValue(a.shown.within(raw))
	}
	r, err := decodeRow(raw)
	if err != nil {
		return err
	}
	if err := show(a.stdout, r); err != nil || !a.shown.asked || r.at("asOf") != nil {
		return err
	}
	_, err = fmt.Fprintln(a.stdout, a.shown.line())
	return err
}

// printValue writes one document of JSON or YAML.
func (a *app) printValue(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	if a.global.output == "yaml" {
		if b, err = yamlOf(b); err != nil {
			return err
		}
		_, err = a.stdout.Write(b)
		return err
	}
	var out bytes.Buffer
	if a.terminal(a.stdout) {
		err = json.Indent(&out, b, "", "  ")
	} else {
		err = json.Compact(&out, b)
	}
	if err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	out.WriteByte('\n')
	_, err = a.stdout.Write(out.Bytes())
	return err
}

// facts prints "name: value" lines, leaving out what is empty.
func facts(w io.Writer, pairs ...string) error {
	width := 0
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			width = max(width, len(pairs[i]))
		}
	}
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			fmt.Fprintf(&b, "%-*s  %s\n", width+1, pairs[i]+":", clean(pairs[i+1]))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// clean keeps foreign text from moving the cursor or changing colours: control characters become spaces.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || (r >= '\u202a' && r <= '\u202e') || (r >= '\u2066' && r <= '\u2069') {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

// clip shortens a cell.
func clip(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}
