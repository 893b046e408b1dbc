package main

import (
	"io"
	"strings"
	"unicode/utf8"
)

// widest is the most a cell of a terminal's table takes; tables that go elsewhere are never cut.
const widest = 72

// table collects rows and writes them in columns.
type table struct {
	w       io.Writer
	columns []column
	rows    [][]string
	person  bool // a terminal: cells are cut, statuses coloured
	color   bool
}

func (a *app) table(columns []column) *table {
	person := a.terminal(a.stdout)
	return &table{w: a.stdout, columns: columns, person: person, color: person && !a.global.noColor && a.getenv("NO_COLOR") == ""}
}

func (t *table) add(r row) {
	cells := make([]string, len(t.columns))
	for i, c := range t.columns {
		cells[i] = clean(c.cell(r))
		if t.person {
			cells[i] = clip(cells[i], widest)
		}
	}
	t.rows = append(t.rows, cells)
}

func (t *table) flush() error {
	heads := make([]string, len(t.columns))
	widths := make([]int, len(t.columns))
	for i, c := range t.columns {
		heads[i] = c.head
		widths[i] = utf8.RuneCountInString(c.head)
		for _, cells := range t.rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(cells[i]))
		}
	}
	var b strings.Builder
	t.line(&b, heads, widths, false)
	for _, cells := range t.rows {
		t.line(&b, cells, widths, t.color)
	}
	_, err := io.WriteString(t.w, b.String())
	return err
}

func (t *table) line(b *strings.Builder, cells []string, widths []int, color bool) {
	last := len(cells) - 1
	for last > 0 && cells[last] == "" {
		last--
	}
	for i, cell := range cells[:last+1] {
		pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2)
		if color && t.columns[i].head == "STATUS" {
			cell = painted(cell)
		}
		b.WriteString(cell)
		if i < last {
			b.WriteString(pad)
		}
	}
	b.WriteByte('\n')
}

// painted colours a status.
func painted(status string) string {
	code := ""
	switch strings.ToUpper(status) {
	case "SUCCEEDED", "COMPLETE", "CACHED", "ACTIVE":
		code = "32"
	case "FAILED", "LOST", "EXPIRED", "REVOKED", "PAUSED":
		code = "31"
	case "RUNNING", "INITIALIZING", "RETRYING":
		code = "36"
	case "QUEUED", "CANCELLING", "CANCELLED", "UNFINISHED", "ENDING", "ARCHIVED":
		code = "33"
	}
	if code == "" {
		return status
	}
	return "\x1b[" + code + "m" + status + "\x1b[0m"
}
