package fold

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
)

// Of what the runs of a pipeline say of the columns of an artifact, the last word counts. Which pipeline a run is of
// may be said late, and may change: so each run keeps what it itself said last (own_columns), under the name that it
// used, and what counts (column_lineage) follows from these words. A run that goes to another pipeline takes its
// words along: where it had the last one, the one before it counts again.

// An ownKey is a speaker, which is a run or, by declaration, a pipeline, and the artifact it speaks of, before aliases.
type ownKey struct{ speaker, target int64 }

// An ownRow is what the speaker said last. Two words of one message follow each other as they stand in it.
type ownRow struct {
	pipeline int64
	at       time.Time
	rank     int16
	digest   domain.Digest
	revision int64
	ordinal  int32
	says     uuid.UUID // zero: that there is no column lineage
}

func (r *ownRow) compare(s *ownRow) int {
	return cmp.Or(orderFrom(r.at, r.rank, r.digest).Compare(orderFrom(s.at, s.rank, s.digest)), cmp.Compare(r.revision, s.revision), cmp.Compare(r.ordinal, s.ordinal))
}

var ownColumnsTable = table[ownKey, ownRow]{
	name: "own_columns", keys: 2, plain: true,
	columns: []column{
		{name: "speaker", typ: tInt8}, {name: "target", typ: tInt8}, {name: "pipeline", typ: tInt8}, {name: "at", typ: tTime}, {name: "rank", typ: tInt2},
		{name: "digest", typ: tBytea}, {name: "revision", typ: tInt8}, {name: "ordinal", typ: tInt4}, {name: "says", typ: tUUID},
	},
	bind: func(k *ownKey, r *ownRow, to []any) []any {
		return append(to, &k.speaker, &k.target, &r.pipeline, &r.at, &r.rank, &r.digest, &r.revision, &r.ordinal, &r.says)
	},
}

// A saidColumn is a line of column lineage as it lies in io_says.
type saidColumn struct {
	Field     string `json:"f,omitempty"`
	From      int64  `json:"a"` // before aliases
	FromField string `json:"g,omitempty"`
	Kind      string `json:"k,omitempty"`
	Subtype   string `json:"s,omitempty"`
	Masking   bool   `json:"m,omitempty"`
}

// targetOf is an artifact that a pipeline makes.
type targetOf struct{ pipeline, target int64 }

// voices are all who said something of the columns of one artifact, by that name, in one pipeline. Of those that the
// page does not touch only the one with the last word is in memory.
type voices struct {
	speakers map[int64]bool
	last     int64 // who has the last word; 0: nobody
}

// A columnWord is the word that counts.
type columnWord struct {
	ownKey
	revision int64
	ordinal  int32
}

// columnWords are what the page knows of column lineage.
type columnWords struct {
	columnsAt    map[place[targetOf]][]columnKey // of a pipeline and a class, as they stand
	standing     map[place[targetOf]]columnWord  // of a pipeline and a class
	voicesOn     map[place[targetOf]]*voices     // of a pipeline and an artifact, by its name
	saidBy       map[place[int64]][]int64        // of a speaker: artifacts, by their names
	dirtyColumns []targetOf                      // an artifact, by its name
	wordOrdinal  int32                           // of the event at hand
}

func (c *columnWords) init() {
	c.columnsAt, c.standing, c.voicesOn, c.saidBy = map[place[targetOf]][]columnKey{}, map[place[targetOf]]columnWord{}, map[place[targetOf]]*voices{}, map[place[int64]][]int64{}
}

// columnsSaid keeps the column lineage that an execution told of an output.
func (f *fold) columnsSaid(ex *execution, artifact int64, io *domain.IO, columns []domain.ColumnEdge) error {
	run, pipeline := cmp.Or(ex.run, ex.key), int64(0)
	if r := f.runs.get(run); r != nil {
		pipeline = r.pipeline
	}
	return f.ownWord(run, pipeline, artifact, io, columns)
}

// ownWord keeps what a speaker of a pipeline says of the columns of an output, if it is its last word.
func (f *fold) ownWord(speaker, pipeline, artifact int64, io *domain.IO, columns []domain.ColumnEdge) error {
	if len(columns) == 0 && !slices.Contains(io.Deleted, "columnLineage") {
		return nil
	}
	k := ownKey{speaker, artifact}
	f.wordOrdinal++
	row := ownRow{pipeline: pipeline, at: f.order.At, rank: int16(f.order.Rank), digest: f.order.Digest, revision: f.revision, ordinal: f.wordOrdinal}
	old := f.ownColumns.get(k)
	if old != nil && row.compare(old) < 0 {
		return nil
	}
	lines := make([]saidColumn, len(columns))
	for i, c := range columns {
		lines[i] = saidColumn{keyText(c.Field), f.artifactKey(c.From), keyText(c.FromField), keyText(c.Kind), keyText(c.Subtype), c.Masking}
	}
	var err error
	if row.says, err = f.content(&says{Columns: lines}); err != nil {
		return fmt.Errorf("keep the column lineage of %s: %w", io.Artifact, err)
	}
	if old == nil {
		p := place[int64]{f.ws, speaker}
		f.saidBy[p] = append(f.saidBy[p], artifact)
	}
	*f.ownColumns.edit(k) = row
	f.speak(k, &row)
	return nil
}

// speak puts a word among those of its pipeline.
func (f *fold) speak(k ownKey, row *ownRow) {
	v := f.voicesOf(f.ws, targetOf{row.pipeline, k.target})
	v.speakers[k.speaker] = true
	if v.last == 0 || v.last == k.speaker || row.compare(f.ownColumns.get(ownKey{v.last, k.target})) > 0 {
		v.last = k.speaker
		f.dirtyColumns = append(f.dirtyColumns, targetOf{row.pipeline, k.target})
	}
}

func (f *fold) voicesOf(ws int32, t targetOf) *voices {
	p := place[targetOf]{ws, t}
	v := f.voicesOn[p]
	if v == nil {
		v = &voices{speakers: map[int64]bool{}}
		f.voicesOn[p] = v
	}
	return v
}

// takeColumns moves what a run said to its new pipeline.
func (f *fold) takeColumns(run, to int64) {
	for _, target := range slices.Sorted(slices.Values(f.saidBy[place[int64]{f.ws, run}])) {
		k := ownKey{run, target}
		row := f.ownColumns.edit(k)
		from := targetOf{row.pipeline, target}
		v := f.voicesOf(f.ws, from)
		delete(v.speakers, run)
		if v.last == run {
			v.last = 0
			for s := range v.speakers {
				if v.last == 0 || f.ownColumns.get(ownKey{s, target}).compare(f.ownColumns.get(ownKey{v.last, target})) > 0 {
					v.last = s
				}
			}
			f.dirtyColumns = append(f.dirtyColumns, from)
		}
		row.pipeline = to
		f.speak(k, row)
	}
}

// settleColumns makes the column lineage of what the event spoke of what the last word there says.
func (f *fold) settleColumns() error {
	f.wordOrdinal = 0
	for i := range f.dirtyColumns {
		f.dirtyColumns[i].target = f.canon(f.dirtyColumns[i].target)
	}
	slices.SortFunc(f.dirtyColumns, func(a, b targetOf) int { return compareInts(a.pipeline, b.pipeline, a.target, b.target) })
	for _, t := range slices.Compact(f.dirtyColumns) {
		if err := f.standColumns(t); err != nil {
			return err
		}
	}
	f.dirtyColumns = f.dirtyColumns[:0]
	return nil
}

// lastWord is the word that counts for a class in a pipeline; nil: there is none.
func (f *fold) lastWord(t targetOf) (by columnWord, row *ownRow) {
	for _, name := range f.members[place[int64]{f.ws, t.target}] {
		v := f.voicesOn[place[targetOf]{f.ws, targetOf{t.pipeline, name}}]
		if v == nil || v.last == 0 {
			continue
		}
		k := ownKey{v.last, name}
		if r := f.ownColumns.get(k); row == nil || r.compare(row) > 0 {
			by, row = columnWord{k, r.revision, r.ordinal}, r
		}
	}
	return by, row
}

func (f *fold) standColumns(t targetOf) error {
	p := place[targetOf]{f.ws, t}
	by, row := f.lastWord(t)
	if f.standing[p] == by {
		return nil
	}
	f.standing[p] = by
	want := map[columnKey]bool{}
	if row != nil && row.says != uuid.Nil {
		s := f.contents[place[uuid.UUID]{f.ws, row.says}]
		if s == nil {
			return fmt.Errorf("what %d says of the columns of %d, and what counts now, is not there", by.speaker, by.target)
		}
		for _, c := range s.Columns {
			k := columnKey{t.target, c.Field, f.canon(c.From), c.FromField, t.pipeline, c.Kind, c.Subtype}
			want[k] = want[k] || c.Masking
		}
	}
	for _, k := range f.columnsAt[p] {
		if _, ok := want[k]; !ok {
			f.columnLineage.drop(k)
		}
	}
	keys := slices.SortedFunc(maps.Keys(want), compareColumns)
	for _, k := range keys {
		if r := f.columnLineage.get(k); r == nil || r.masking != want[k] {
			f.columnLineage.edit(k).masking = want[k]
		}
	}
	f.columnsAt[p] = keys
	return nil
}

// gatherColumns notes which columns stand where, and by whose word.
func (f *fold) gatherColumns() {
	f.noteColumns()
	for p, r := range f.ownColumns.rows {
		by := place[int64]{p.ws, p.key.speaker}
		f.saidBy[by] = append(f.saidBy[by], p.key.target)
		v := f.voicesOf(p.ws, targetOf{r.now.pipeline, p.key.target})
		v.speakers[p.key.speaker] = true
		if v.last == 0 || r.now.compare(&f.ownColumns.rows[place[ownKey]{p.ws, ownKey{v.last, p.key.target}}].now) > 0 {
			v.last = p.key.speaker
		}
	}
	for p := range f.voicesOn {
		if a := f.artifacts.rows[place[int64]{p.ws, p.key.target}]; a != nil { // others are not touched
			f.ws = p.ws
			t := targetOf{p.key.pipeline, a.now.canonical}
			f.standing[place[targetOf]{p.ws, t}], _ = f.lastWord(t)
		}
	}
}

// noteColumns notes which columns stand where.
func (f *fold) noteColumns() {
	clear(f.columnsAt)
	for p, r := range f.columnLineage.rows {
		if r.will {
			at := place[targetOf]{p.ws, targetOf{p.key.pipeline, p.key.target}}
			f.columnsAt[at] = append(f.columnsAt[at], p.key)
		}
	}
}

// uniteColumns lets columns of one name be another's. What counts at their common name is found when the event ends.
func (f *fold) uniteColumns(keep, lose int64) {
	var keys []columnKey
	for p, r := range f.columnLineage.rows {
		if p.ws == f.ws && r.will && (p.key.target == lose || p.key.source == lose) {
			keys = append(keys, p.key)
		}
	}
	slices.SortFunc(keys, compareColumns)
	for _, k := range keys {
		row := *f.columnLineage.get(k)
		f.columnLineage.drop(k)
		if k.target != lose {
			k.source = keep
			other := f.columnLineage.edit(k)
			other.masking = other.masking || row.masking
		}
	}
	f.noteColumns()
	for p := range f.standing {
		if p.ws == f.ws && p.key.target == lose {
			delete(f.standing, p)
		}
	}
	for p := range f.voicesOn {
		if a := f.artifacts.rows[place[int64]{p.ws, p.key.target}]; p.ws == f.ws && a != nil && a.next.canonical == keep {
			f.dirtyColumns = append(f.dirtyColumns, p.key)
		}
	}
}
