package fold

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/annals-io/annals/domain"
)

type columnKey struct {
	target        int64
	targetField   string
	source        int64
	sourceField   string
	pipeline      int64
	kind, subtype string
}

type columnRow struct{ masking bool }

var columnLineageTable = table[columnKey, columnRow]{
	name: "column_lineage", keys: 7,
	of: func(k *columnKey, _ *columnRow) int64 { return k.target },
	columns: []column{
		{name: "target", typ: tInt8}, {name: "target_field", typ: tText}, {name: "source", typ: tInt8}, {name: "source_field", typ: tText},
		{name: "pipeline", typ: tInt8}, {name: "kind", typ: tText}, {name: "subtype", typ: tText}, {name: "masking", typ: tBool},
	},
	bind: func(k *columnKey, r *columnRow, to []any) []any {
		return append(to, &k.target, &k.targetField, &k.source, &k.sourceField, &k.pipeline, &k.kind, &k.subtype, &r.masking)
	},
}

func compareColumns(a, b columnKey) int {
	return cmp.Or(cmp.Compare(a.target, b.target), cmp.Compare(a.targetField, b.targetField), cmp.Compare(a.source, b.source),
		cmp.Compare(a.sourceField, b.sourceField), cmp.Compare(a.pipeline, b.pipeline), cmp.Compare(a.kind, b.kind), cmp.Compare(a.subtype, b.subtype))
}

// What last_said remembers the order of, besides the fields that have marks: the last declaration of a pipeline.
const saidDeclared = "declared"

type lastSaidKey struct {
	pipeline int64
	what     string
	target   int64
}

type lastSaidRow struct {
	at     time.Time
	rank   int16
	digest domain.Digest
}

func (r *lastSaidRow) order() domain.Order { return orderFrom(r.at, r.rank, r.digest) }

var lastSaidTable = table[lastSaidKey, lastSaidRow]{
	name: "last_said", keys: 3, plain: true,
	columns: []column{
		{name: "pipeline", typ: tInt8}, {name: "what", typ: tText}, {name: "target", typ: tInt8}, {name: "at", typ: tTime}, {name: "rank", typ: tInt2}, {name: "digest", typ: tBytea},
	},
	bind: func(k *lastSaidKey, r *lastSaidRow, to []any) []any {
		return append(to, &k.pipeline, &k.what, &k.target, &r.at, &r.rank, &r.digest)
	},
}

// latest says whether the event at hand has the last word, and remembers it if so.
func (f *fold) latest(k lastSaidKey) bool {
	if r := f.lastSaid.get(k); r != nil && f.order.Compare(r.order()) < 0 {
		return false
	}
	*f.lastSaid.edit(k) = lastSaidRow{f.order.At, int16(f.order.Rank), f.order.Digest}
	return true
}

// columnsOf is the column lineage of an output, that which lies in evidence included.
func (f *fold) columnsOf(io *domain.IO) ([]domain.ColumnEdge, error) {
	if io.ColumnsIn == nil {
		return io.Columns, nil
	}
	body, ok := f.bulky[*io.ColumnsIn]
	if !ok {
		return io.Columns, nil // it was erased
	}
	if body.err != nil {
		return nil, body.err
	}
	return append(slices.Clone(io.Columns), body.columns...), nil
}

// A body is column lineage read from evidence.
type body struct {
	columns []domain.ColumnEdge
	err     error
}

// readEvidence reads the column lineage that lies in evidence.
func (f *fold) readEvidence(ctx context.Context, ev Evidence) error {
	f.bulky = map[domain.Digest]body{}
	for _, p := range f.pages {
		var digests []domain.Digest
		for i := range p.Events {
			for _, io := range outputsOf(p.Events[i].Event) {
				if io.ColumnsIn != nil && !slices.Contains(digests, *io.ColumnsIn) {
					digests = append(digests, *io.ColumnsIn)
				}
			}
		}
		if len(digests) == 0 {
			continue
		}
		if ev == nil {
			return fmt.Errorf("workspace %s has column lineage in evidence, and there is none to read", p.Slug)
		}
		found, err := ev.Evidence(ctx, domain.WorkspaceStream(p.Slug), digests)
		if err != nil {
			return fmt.Errorf("read column lineage of workspace %s: %w", p.Slug, err)
		}
		for digest, bytes := range found {
			var b body
			if err := json.Unmarshal(bytes, &b.columns); err != nil {
				b.err = fmt.Errorf("column lineage in evidence %s: %w", digest, err)
			}
			f.bulky[digest] = b
		}
	}
	return nil
}

// outputsOf are what an event says of artifacts that were made.
func outputsOf(e domain.Event) []domain.IO {
	switch e := e.(type) {
	case domain.ArtifactsProduced:
		return e.Outputs
	case domain.PipelineDeclared:
		return e.Outputs
	}
	return nil
}
