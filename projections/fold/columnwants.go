package fold

import (
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
)

// wantColumns wants what was said of the columns of an output by one speaker, and what counts in a pipeline. A speaker
// that moves within the page takes along what it says in the page too, and what is left behind counts again there.
func (f *fold) wantColumns(w *wants, e *happening, speaker, pipeline int64, io *domain.IO, moves bool) {
	if len(io.Columns) == 0 && io.ColumnsIn == nil && !slices.Contains(io.Deleted, "columnLineage") {
		return
	}
	if speaker != 0 {
		w.ownColumns.want(e.ws, speaker)
	}
	class := f.stored(io.Artifact)
	switch {
	case class == 0:
	case moves:
		f.wantWords(w, e.ws, targetOf{pipeline, class})
	default:
		w.columns.want(e.ws, targetOf{pipeline, class})
	}
}

// wantMovers wants, of the runs that the page may give another pipeline, what they said, and what counts without them
// in every pipeline that they may be of. Of these words the contents are needed.
func (f *fold) wantMovers(w *wants) {
	said := func(p place[ownKey], id uuid.UUID) {
		if id == uuid.Nil {
			return
		}
		w.says.want(p.ws, id)
		if s := f.contents[place[uuid.UUID]{p.ws, id}]; s != nil {
			for _, c := range s.Columns {
				w.artifacts.want(p.ws, c.From)
			}
		}
	}
	for p, r := range f.ownColumns.rows {
		a := f.artifacts.rows[place[int64]{p.ws, p.key.target}]
		if a == nil {
			w.artifacts.want(p.ws, p.key.target)
			continue
		}
		class := a.now.canonical
		if w.contentsAt[place[targetOf]{p.ws, targetOf{r.now.pipeline, class}}] {
			said(p, r.now.says)
		}
		run := place[int64]{p.ws, p.key.speaker}
		others := w.pipelinesOf[run]
		toNew, named := w.movers[run]
		if !named || !toNew && !slices.ContainsFunc(others, func(o int64) bool { return o != r.now.pipeline }) {
			continue
		}
		said(p, r.now.says)
		for _, pipeline := range append(slices.Clone(others), r.now.pipeline) {
			f.wantWords(w, p.ws, targetOf{pipeline, class})
		}
	}
}

// wantWords wants what counts, and the contents of the words there: another one of them may count.
func (f *fold) wantWords(w *wants, ws int32, t targetOf) {
	w.columns.want(ws, t)
	w.contentsAt[place[targetOf]{ws, t}] = true
}

const (
	columnsSQL = `SELECT %s FROM unnest($1::int4[], $2::int8[], $3::int8[]) AS x (ws, pipeline, target)
JOIN read.column_lineage t ON t.ws = x.ws AND t.target = x.target AND t.pipeline = x.pipeline`

	// lastWordsSQL reads, of each name of an artifact, who had the last word in a pipeline, but for the runs that may
	// leave it: theirs are read all.
	lastWordsSQL = `
SELECT %s FROM unnest($1::int4[], $2::int8[], $3::int8[]) AS x (ws, pipeline, class)
JOIN read.artifacts a ON a.ws = x.ws AND a.canonical = x.class
CROSS JOIN LATERAL (
    SELECT * FROM read.own_columns o WHERE o.ws = x.ws AND o.target = a.key AND o.pipeline = x.pipeline
    AND NOT EXISTS (SELECT FROM unnest($4::int4[], $5::int8[]) AS m (ws, run) WHERE m.ws = o.ws AND m.run = o.speaker)
    ORDER BY o.at DESC, o.rank DESC, o.digest DESC, o.revision DESC, o.ordinal DESC LIMIT 1) t`

	// spokenPipelinesSQL finds in which pipelines something was said of the columns of an artifact, skipping from one
	// to the next.
	spokenPipelinesSQL = `
WITH RECURSIVE p (ws, class, target, pipeline) AS (
    SELECT a.ws, a.canonical, a.key, (SELECT o.pipeline FROM read.own_columns o WHERE o.ws = a.ws AND o.target = a.key ORDER BY o.pipeline LIMIT 1)
    FROM unnest($1::int4[], $2::int8[]) AS x (ws, class) JOIN read.artifacts a ON a.ws = x.ws AND a.canonical = x.class
    UNION ALL
    SELECT p.ws, p.class, p.target, (SELECT o.pipeline FROM read.own_columns o WHERE o.ws = p.ws AND o.target = p.target AND o.pipeline > p.pipeline ORDER BY o.pipeline LIMIT 1)
    FROM p WHERE p.pipeline IS NOT NULL
) SELECT ws, class, pipeline FROM p WHERE pipeline IS NOT NULL`
)

// askColumns queues the reading of column lineage, and of the words that it follows from.
func (f *fold) askColumns(w *wants) {
	if list := w.ownColumns.take(); len(list) > 0 {
		f.trip.ask(fmt.Sprintf(byExecutionSQL, f.ownColumns.list(), "own_columns", "speaker"), placesOf(list), f.ownColumns.take)
	}
	list := w.columns.take()
	if len(list) == 0 {
		return
	}
	args := []*array{{typ: tInt4}, {typ: tInt8}, {typ: tInt8}}
	for i := range list {
		args[0].add(false, &list[i].ws)
		args[1].add(false, &list[i].key.pipeline)
		args[2].add(false, &list[i].key.target)
	}
	f.trip.ask(fmt.Sprintf(columnsSQL, f.columnLineage.list()), args, f.columnLineage.take)
	movers := make([]place[int64], 0, len(w.movers))
	for p := range w.movers {
		movers = append(movers, p)
	}
	f.trip.ask(fmt.Sprintf(lastWordsSQL, f.ownColumns.list()), append(args, placesOf(unique(movers))...), f.ownColumns.take)
}

// askUnitedColumns queues the reading of what names columns of classes whose names become one.
func (f *fold) askUnitedColumns(w *wants, args []*array) {
	f.trip.ask(fmt.Sprintf(byExecutionSQL, f.columnLineage.list(), "column_lineage", "target"), args, f.columnLineage.take)
	f.trip.ask(fmt.Sprintf(byExecutionSQL, f.columnLineage.list(), "column_lineage", "source"), args, f.columnLineage.take)
	f.trip.ask(spokenPipelinesSQL, args, func(v [][]byte) {
		var ws int32
		var t targetOf
		readValue(tInt4, nil, v[0], &ws)
		readValue(tInt8, nil, v[1], &t.target)
		readValue(tInt8, nil, v[2], &t.pipeline)
		f.wantWords(w, ws, t)
	})
}
