package fold

import (
	"strconv"
	"strings"
)

// list is what a SELECT of this table's rows reads; the table's alias is t.
func (t *table[K, R]) list() string {
	cols := []string{"t.ws"}
	for _, c := range t.columns {
		cols = append(cols, c.typ.get("t."+c.name))
	}
	if !t.plain {
		cols = append(cols, "t.since")
	}
	return strings.Join(cols, ", ")
}

// take reads a row that list selected. A row that was loaded before stays as it is.
func (t *table[K, R]) take(values [][]byte) {
	var ws int32
	readValue(tInt4, nil, values[0], &ws)
	r := &row[K, R]{is: true, will: true, stored: true}
	var buf [40]any
	for i, p := range t.bind(&r.place.key, &r.now, buf[:0]) {
		readValue(t.columns[i].typ, t.columns[i].canon, values[i+1], p)
	}
	if !t.plain {
		readValue(tInt8, nil, values[len(values)-1], &r.since)
	}
	r.place.ws, r.next = ws, r.now
	if t.rows[r.place] == nil {
		t.rows[r.place] = r
	}
}

// load queues the reading of rows by key.
func (t *table[K, R]) load(trip *trip, places []place[K]) {
	if len(places) == 0 {
		return
	}
	args := t.arrays(t.keys, 0)
	var none R
	var buf [40]any
	for i := range places {
		args[0].add(false, &places[i].ws)
		for j, p := range t.bind(&places[i].key, &none, buf[:0])[:t.keys] {
			args[j+1].add(false, p)
		}
	}
	var on strings.Builder
	for _, c := range t.columns[:t.keys] {
		on.WriteString(" AND t." + c.name + " = x." + c.name)
	}
	trip.ask("SELECT "+t.list()+" FROM "+t.from(t.keys, nil)+" JOIN read."+t.name+" t ON t.ws = x.ws"+on.String(), args, t.take)
}

// arrays are the parameters for the first n columns, ws before them and extra bigints behind.
func (t *table[K, R]) arrays(n, extra int) []*array {
	args := []*array{{typ: tInt4}}
	for _, c := range t.columns[:n] {
		args = append(args, &array{typ: c.typ})
	}
	for range extra {
		args = append(args, &array{typ: tInt8})
	}
	return args
}

// from writes the parameters as a table x of the first n columns and the extra ones.
func (t *table[K, R]) from(n int, extra []string) string {
	params, names := []string{"$1::int4[]"}, []string{"ws"}
	for _, c := range t.columns[:n] {
		params, names = append(params, "$"+strconv.Itoa(len(params)+1)+"::"+types[c.typ].element+"[]"), append(names, c.name)
	}
	for _, e := range extra {
		params, names = append(params, "$"+strconv.Itoa(len(params)+1)+"::int8[]"), append(names, e)
	}
	return "unnest(" + strings.Join(params, ", ") + ") AS x (" + strings.Join(names, ", ") + ")"
}

// flush queues the writing of what the page changed. Afterwards all rows count as stored.
func (t *table[K, R]) flush(trip *trip) {
	var gone, there, fresh []*row[K, R]
	for _, r := range t.changed {
		switch {
		case r.is && !r.stored && t.age.isNew(r.place.ws, &r.place.key):
			fresh = append(fresh, r)
		case r.is:
			there = append(there, r)
		case r.stored:
			gone = append(gone, r)
		}
		r.changed, r.stored = false, r.is
	}
	if len(fresh) < trip.worth {
		there, fresh = append(there, fresh...), nil
	}
	t.insert(trip, fresh)
	t.remove(trip, gone)
	t.upsert(trip, there)
	t.close(trip)
	t.changed, t.was = t.changed[:0], t.was[:0]
}

func (t *table[K, R]) remove(trip *trip, gone []*row[K, R]) {
	if len(gone) == 0 {
		return
	}
	args := t.arrays(t.keys, 0)
	var buf [40]any
	for _, r := range gone {
		args[0].add(false, &r.place.ws)
		for j, p := range t.bind(&r.place.key, &r.now, buf[:0])[:t.keys] {
			args[j+1].add(false, p)
		}
	}
	var on strings.Builder
	for _, c := range t.columns[:t.keys] {
		on.WriteString(" AND t." + c.name + " = x." + c.name)
	}
	trip.tell("DELETE FROM read."+t.name+" t USING "+t.from(t.keys, nil)+" WHERE t.ws = x.ws"+on.String(), args)
}

func (t *table[K, R]) upsert(trip *trip, there []*row[K, R]) {
	if len(there) == 0 {
		return
	}
	n := len(t.columns)
	var extra []string
	if !t.plain {
		extra = []string{"since"}
	}
	args := t.arrays(n, len(extra))
	var buf [40]any
	for _, r := range there {
		args[0].add(false, &r.place.ws)
		for j, p := range t.bind(&r.place.key, &r.now, buf[:0]) {
			args[j+1].add(t.columns[j].nullable, p)
		}
		if !t.plain {
			args[n+1].add(false, &r.since)
		}
	}
	names, values := t.into(extra)
	keys, sets := []string{"ws"}, []string(nil)
	for i, name := range names[1:] {
		if i < t.keys {
			keys = append(keys, name)
		} else {
			sets = append(sets, name+" = excluded."+name)
		}
	}
	then := "NOTHING"
	if len(sets) > 0 {
		then = "UPDATE SET " + strings.Join(sets, ", ")
	}
	trip.tell("INSERT INTO read."+t.name+" ("+strings.Join(names, ", ")+") SELECT "+strings.Join(values, ", ")+" FROM "+t.from(n, extra)+
		" ON CONFLICT ("+strings.Join(keys, ", ")+") DO "+then, args)
}

// close writes the closed rows.
func (t *table[K, R]) close(trip *trip) {
	if len(t.was) == 0 {
		return
	}
	if len(t.was) >= trip.worth {
		t.insertClosed(trip)
		return
	}
	n := len(t.columns)
	args := t.arrays(n, 3)
	var buf [40]any
	for i := range t.was {
		c := &t.was[i]
		args[0].add(false, &c.place.ws)
		for j, p := range t.bind(&c.place.key, &c.row, buf[:0]) {
			if t.columns[j].live {
				args[j+1].body = appendNull(args[j+1].body)
				args[j+1].n++
				continue
			}
			args[j+1].add(t.columns[j].nullable, p)
		}
		length := int64(level(c.since, c.until))
		args[n+1].add(false, &c.since)
		args[n+2].add(false, &c.until)
		args[n+3].add(false, &length)
	}
	extra := []string{"since", "until", "level"}
	names, values := t.into(extra)
	trip.tell("INSERT INTO read."+t.name+"_was ("+strings.Join(names, ", ")+") SELECT "+strings.Join(values, ", ")+" FROM "+t.from(n, extra), args)
}

// into lists the columns of an INSERT and what they are made of.
func (t *table[K, R]) into(extra []string) (names, values []string) {
	names, values = []string{"ws"}, []string{"x.ws"}
	for _, c := range t.columns {
		names, values = append(names, c.name), append(values, c.typ.put("x."+c.name))
	}
	for _, e := range extra {
		names, values = append(names, e), append(values, "x."+e)
	}
	return names, values
}
