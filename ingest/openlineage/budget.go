package openlineage

import (
	"encoding/json"
	"slices"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/evidence"
)

// A budget is how many bytes the events of one message may still take for each kind of bulk. All events of a command
// together have at most 900 KiB; the parts leave room for names and envelopes. What does not fit is not lost: columns
// go to evidence of their own, the rest stays in the body.
type budget struct {
	values, schema, columns int
}

var fullBudget = budget{values: 128 << 10, schema: 192 << 10, columns: 192 << 10}

// maxValue is the most bytes of one value: longer ones are documents rather than values.
const maxValue = 16 << 10

func (b *budget) value(size int) bool {
	if size > maxValue || size > b.values {
		return false
	}
	b.values -= size
	return true
}

// takeSchema is the schema as far as the budget goes: the whole of it or nothing.
func (f *facts) takeSchema(fields []domain.Field) []domain.Field {
	size := 0
	for _, field := range fields {
		size += len(field.Name) + len(field.Type) + len(`{"name":"","type":""},`)
	}
	if size > f.budget.schema {
		f.warn(LeftInBody)
		return nil
	}
	f.budget.schema -= size
	return fields
}

// The most bytes of columns of one output that stand in an event, and the most artifacts that these may name.
const (
	maxInline      = 48 << 10
	maxInlineNames = 200
)

// putColumns puts column edges into the event, or beside it as evidence where they are bulky.
func (f *facts) putColumns(io *domain.IO, edges []domain.ColumnEdge) {
	if len(edges) == 0 {
		return
	}
	if size := sizeOf(edges); size <= maxInline && size <= f.budget.columns && namesIn(edges) <= maxInlineNames {
		f.budget.columns -= size
		io.Columns = edges
		return
	}
	list, err := json.Marshal(edges)
	if err != nil { // strings and booleans: cannot be
		panic(err)
	}
	e := evidence.New(list)
	f.evidence = append(f.evidence, e)
	io.ColumnsIn = &e.Digest
}

// namesInEvent is how many entities the items of one event may name: see [domain.MaxNames]. The rest is for the run,
// its pipeline and the versions.
const namesInEvent = domain.MaxNames - domain.MaxItems - 24

// chunks divides items into lists that one event can hold each.
func chunks(ios []domain.IO) [][]domain.IO { return divided(ios, domain.MaxItems, namesInEvent) }

// halved is chunks of half the size: two of them, and one event holds both.
func halved(ios []domain.IO) [][]domain.IO { return divided(ios, domain.MaxItems/2, namesInEvent/2) }

func divided(ios []domain.IO, most, mostNames int) [][]domain.IO {
	var all [][]domain.IO
	first, names := 0, 0
	for i := range ios {
		n := namesOf(&ios[i])
		if i > first && (i-first == most || names+n > mostNames) {
			all = append(all, ios[first:i])
			first, names = i, 0
		}
		names += n
	}
	if first < len(ios) {
		all = append(all, ios[first:])
	}
	return all
}

// namesOf bounds how many artifacts an item names; of one alone, there are fewer than [namesInEvent].
func namesOf(io *domain.IO) int {
	n := 1 + len(io.Aliases) + len(io.From) + namesIn(io.Columns)
	if io.Renamed != nil {
		n++
	}
	return n
}

// namesIn is how many artifacts edges come from. Most come from few: those are looked through, not hashed.
func namesIn(edges []domain.ColumnEdge) int {
	const few = 8
	var first [few]domain.Name
	n := 0
	for i := range edges {
		if slices.Contains(first[:n], edges[i].From) {
			continue
		}
		if n == few {
			return manyNamesIn(edges)
		}
		first[n] = edges[i].From
		n++
	}
	return n
}

func manyNamesIn(edges []domain.ColumnEdge) int {
	names := map[domain.Name]bool{}
	for _, e := range edges {
		names[e.From] = true
	}
	return len(names)
}

// sizeOf bounds how many bytes edges have as JSON.
func sizeOf(edges []domain.ColumnEdge) int {
	const keys = len(`{"field":"","from":{"namespace":"","name":""},"fromField":"","kind":"","subtype":"","masking":true},`)
	size := 0
	for i := range edges {
		e := &edges[i]
		size += keys
		for _, text := range [...]string{e.Field, e.From.Namespace, e.From.Name, e.FromField, e.Kind, e.Subtype} {
			size += quotedSize(text)
		}
	}
	return size
}

// quotedSize bounds the bytes of a text inside quotes.
func quotedSize(text string) int {
	const most = len(`\u0000`)
	size := len(text)
	for i := range len(text) {
		switch c := text[i]; {
		case c < 0x20 || c == 0xe2: // U+2028 and U+2029 begin like that
			size += most - 1
		case c == '"' || c == '\\':
			size++
		}
	}
	return size
}
