package fold

import (
	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
)

const identitiesSQL = `
SELECT t.ws, t.id, t.key FROM unnest($1::int4[], $2::uuid[]) AS x (ws, id) JOIN read.identities t ON t.ws = x.ws AND t.id = x.id`

// askNames queues the reading of the keys of all that the pages name.
func (f *fold) askNames() {
	ws, ids := &array{typ: tInt4}, &array{typ: tUUID}
	asked := map[place[uuid.UUID]]bool{}
	ask := func(e *happening, id uuid.UUID) {
		if p := (place[uuid.UUID]{e.ws, id}); !asked[p] {
			asked[p] = true
			ws.add(false, &e.ws)
			ids.add(false, &id)
		}
	}
	for i := range f.events {
		e := &f.events[i]
		for _, n := range e.names {
			ask(e, n.ID)
		}
		if erased, ok := e.Event.(domain.SubjectErased); ok {
			ask(e, erased.ID) // it names nothing: what it is about was named before, or never
		}
	}
	if ws.n == 0 {
		return
	}
	f.trip.ask(identitiesSQL, []*array{ws, ids}, func(v [][]byte) {
		var p place[uuid.UUID]
		var key int64
		readValue(tInt4, nil, v[0], &p.ws)
		readValue(tUUID, nil, v[1], &p.key)
		readValue(tInt8, nil, v[2], &key)
		f.ids[p] = key
	})
}

const (
	identityColumns     = "ws, id, kind, key"
	insertIdentitiesSQL = `
INSERT INTO read.identities (` + identityColumns + `)
SELECT ws, id, kind, key FROM unnest($1::int4[], $2::uuid[], $3::text[], $4::int8[]) AS x (ws, id, kind, key)
ON CONFLICT (ws, id) DO NOTHING`
)

// flushNames queues the new keys. Whether a version had one is not known.
func (f *fold) flushNames(t *trip) {
	var fresh, perhaps [4]*array
	for i, typ := range [...]typ{tInt4, tUUID, tText, tInt8} {
		fresh[i], perhaps[i] = &array{typ: typ}, &array{typ: typ}
	}
	for i := range f.newIDs {
		n := &f.newIDs[i]
		to := &fresh
		if n.kind == domain.KindArtifactVersion {
			to = &perhaps
		}
		kind := string(n.kind)
		for j, p := range [...]any{&n.ws, &n.id, &kind, &n.key} {
			to[j].add(false, p)
		}
	}
	f.newIDs = f.newIDs[:0]
	if fresh[0].n > 0 {
		t.add("identities", identityColumns, insertIdentitiesSQL, fresh[:])
	}
	if perhaps[0].n > 0 {
		t.tell(insertIdentitiesSQL, perhaps[:])
	}
}
