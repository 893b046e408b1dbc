package fold

import "strings"

// newness says of each workspace above which key everything is new: what an event of this page named.
type newness map[int32]int64

// isNew says whether the database cannot have a row of that key, given that it was not read from there.
func (n newness) isNew(ws int32, key any) bool {
	above, ok := n[ws]
	return ok && youngest(key) > above
}

// A keyed is a key of several columns. Whatever in it has a key of its own counts: the youngest decides, since no row
// names what nothing had named yet.
type keyed interface{ youngest() int64 }

func (k *attributeKey) youngest() int64    { return k.entity }
func (k *metricKey) youngest() int64       { return k.entity }
func (k *aliasKey) youngest() int64        { return max(k.artifact, k.alias) }
func (k *edgeKey) youngest() int64         { return max(k.execution, k.version) }
func (k *artifactEdgeKey) youngest() int64 { return max(k.source, k.target, k.pipeline) }
func (k *columnKey) youngest() int64       { return max(k.target, k.source, k.pipeline) }
func (k *declaredKey) youngest() int64     { return max(k.pipeline, k.artifact) }
func (k *lastSaidKey) youngest() int64     { return max(k.pipeline, k.target) }
func (k *leftKey) youngest() int64         { return max(k.place, k.run) }
func (k *ownKey) youngest() int64          { return max(k.speaker, k.target) }
func (k *readKey) youngest() int64         { return max(k.artifact, k.execution) }
func (k *counterKey) youngest() int64      { return k.key }

// youngest is the youngest key in a row's key; 0 where there is none.
func youngest(key any) int64 {
	switch k := key.(type) {
	case *int64:
		return *k
	case keyed:
		return k.youngest()
	}
	return 0
}

// insert queues rows that are new.
func (t *table[K, R]) insert(trip *trip, fresh []*row[K, R]) {
	if len(fresh) == 0 {
		return
	}
	var extra []string
	if !t.plain {
		extra = []string{"since"}
	}
	s := &sheet{table: t.name, columns: "(" + t.names(extra) + ")"}
	for _, r := range fresh {
		t.write(s, r)
	}
	trip.copy(s)
}

// write adds a row that is true now.
func (t *table[K, R]) write(s *sheet, r *row[K, R]) {
	n := len(t.columns) + 1
	if !t.plain {
		n++
	}
	s.begin(n)
	s.add(tInt4, false, &r.place.ws)
	for j, p := range t.bind(&r.place.key, &r.now, t.buf[:0]) {
		s.add(t.columns[j].typ, t.columns[j].nullable, p)
	}
	if !t.plain {
		s.add(tInt8, false, &r.since)
	}
}

// insertClosed queues rows that closed.
func (t *table[K, R]) insertClosed(trip *trip) {
	s := &sheet{table: t.name + "_was", columns: "(" + t.names([]string{"since", "until", "level"}) + ")"}
	for i := range t.was {
		c := &t.was[i]
		t.writeClosed(s, &c.place, &c.row, c.since, c.until)
	}
	trip.copy(s)
}

// writeClosed adds a row that closed.
func (t *table[K, R]) writeClosed(s *sheet, p *place[K], r *R, since, until int64) {
	s.begin(len(t.columns) + 4)
	s.add(tInt4, false, &p.ws)
	for j, v := range t.bind(&p.key, r, t.buf[:0]) {
		if t.columns[j].live {
			s.null()
			continue
		}
		s.add(t.columns[j].typ, t.columns[j].nullable, v)
	}
	s.int8(since)
	s.int8(until)
	s.int2(level(since, until))
}

// names lists all columns.
func (t *table[K, R]) names(extra []string) string {
	names, _ := t.into(extra)
	return strings.Join(names, ", ")
}
