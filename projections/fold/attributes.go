package fold

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/annals-io/annals/domain"
)

// The spaces of attributes: names are unique in each.
const (
	spaceParameters int16 = 1
	spaceMetadata   int16 = 2
	spaceTags       int16 = 3
)

type attributeKey struct {
	entity int64
	space  int16
	name   string
}

type attributeRow struct {
	kind, typ, text string
	num             maybe[float64]
	value           string
	source          string
	gone            bool
	at              time.Time
	rank            int16
	digest          domain.Digest
}

var attributesTable = table[attributeKey, attributeRow]{
	name: "attributes", keys: 3,
	of: func(k *attributeKey, _ *attributeRow) int64 { return k.entity },
	columns: []column{
		{name: "entity", typ: tInt8}, {name: "space", typ: tInt2}, {name: "name", typ: tText},
		{name: "kind", typ: tText}, {name: "type", typ: tText}, {name: "text", typ: tText}, {name: "num", typ: tFloat8}, {name: "value", typ: tBytea},
		{name: "source", typ: tText, nullable: true}, {name: "gone", typ: tBool}, {name: "at", typ: tTime}, {name: "rank", typ: tInt2}, {name: "digest", typ: tBytea},
	},
	bind: func(k *attributeKey, r *attributeRow, to []any) []any {
		return append(to, &k.entity, &k.space, &k.name, &r.kind, &r.typ, &r.text, &r.num, &r.value, &r.source, &r.gone, &r.at, &r.rank, &r.digest)
	},
	same: func(a, b attributeRow) bool {
		a.at, a.rank, a.digest = b.at, b.rank, b.digest
		return a == b
	},
}

// set gives an entity parameters or metadata. The last word by order counts, name by name.
func (f *fold) set(entity int64, kind domain.Kind, space int16, list []domain.Attribute) {
	for _, a := range list {
		row := valueRow(a.Value)
		row.kind = string(kind)
		f.attribute(entity, space, a.Name, row)
	}
}

// valueRow is a typed value as a row. Spaces between its parts go: an event that was read back from the log has none.
func valueRow(v domain.Value) attributeRow {
	var b bytes.Buffer
	if json.Compact(&b, v) == nil {
		v = b.Bytes()
	}
	num, ok := v.Number()
	return attributeRow{typ: v.Type(), text: noNUL(cut(v.Text(), 200)), num: maybe[float64]{num, ok}, value: string(v)}
}

// tagRow is a tag as a row.
func tagRow(t domain.Tag) attributeRow {
	return attributeRow{typ: "string", text: noNUL(cut(t.Value, 200)), value: string(domain.StringValue(t.Value)), source: noNUL(t.Source)}
}

// order is that of the fact that set it.
func (r *attributeRow) order() domain.Order { return orderFrom(r.at, r.rank, r.digest) }

// tag gives an entity tags.
func (f *fold) tag(entity int64, kind domain.Kind, tags []domain.Tag) {
	for _, t := range tags {
		row := tagRow(t)
		row.kind = string(kind)
		f.attribute(entity, spaceTags, t.Key, row)
	}
}

// untag takes tags away. The row stays, so that an earlier fact that comes late does not bring the tag back.
func (f *fold) untag(entity int64, kind domain.Kind, keys []string) {
	for _, k := range keys {
		f.attribute(entity, spaceTags, k, attributeRow{kind: string(kind), typ: "string", value: `""`, gone: true})
	}
}

func (f *fold) attribute(entity int64, space int16, name string, to attributeRow) {
	r := f.attributes.edit(attributeKey{entity, space, keyText(name)})
	if r.kind != "" && f.order.Compare(r.order()) < 0 {
		return
	}
	to.at, to.rank, to.digest = f.order.At, int16(f.order.Rank), f.order.Digest
	*r = to
}
