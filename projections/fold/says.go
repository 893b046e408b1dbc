package fold

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
)

// Says is what a fact says of the version it writes, besides that it writes it. Facts repeat themselves, within a run
// and from run to run, so each content lies in io_says once and facts refer to it by its hash. It must be kept with
// the fact: which attempt a fact belongs to, hence which version it speaks of, can change when another fact comes
// late.
type says struct {
	Type      string             `json:"type,omitempty"`
	URI       string             `json:"uri,omitempty"`
	SizeBytes *int64             `json:"sizeBytes,omitempty"`
	Digest    string             `json:"digest,omitempty"`
	Schema    []domain.Field     `json:"schema,omitempty"`
	Lifecycle string             `json:"lifecycle,omitempty"`
	Metadata  []domain.Attribute `json:"metadata,omitempty"`
	Tags      []domain.Tag       `json:"tags,omitempty"`
	Columns   []saidColumn       `json:"columns,omitempty"` // of these alone: see own_columns.go

	schema string // as its column holds it
}

// say keeps what an output says, and answers its hash; zero where it says nothing.
func (f *fold) say(io *domain.IO) (uuid.UUID, error) {
	s := &says{
		Type: noNUL(io.Type), URI: noNUL(io.URI), SizeBytes: io.SizeBytes, Digest: noNUL(io.Digest), Schema: io.Schema,
		Lifecycle: noNUL(io.Lifecycle), Metadata: io.Metadata, Tags: io.Tags,
	}
	id, err := f.content(s)
	if err != nil {
		return uuid.Nil, fmt.Errorf("keep what is said of %s: %w", io.Artifact, err)
	}
	return id, nil
}

// content keeps a content once, and answers its hash; zero where it says nothing.
func (f *fold) content(s *says) (uuid.UUID, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // values come back as they were written
	if err := enc.Encode(s); err != nil {
		return uuid.Nil, err
	}
	text := strings.TrimSuffix(b.String(), "\n")
	if text == "{}" {
		return uuid.Nil, nil
	}
	sum := sha256.Sum256([]byte(text))
	id := uuid.UUID(sum[:16])
	p := place[uuid.UUID]{f.ws, id}
	if f.contents[p] == nil {
		s.schema = document(s.Schema)
		f.contents[p] = s
		n := newSays{p, text}
		if f.fill != nil {
			f.fill.said(&n)
		} else {
			f.newSays = append(f.newSays, n)
		}
	}
	return id, nil
}

// A newSays is a content to be written.
type newSays struct {
	place place[uuid.UUID]
	text  string
}

const (
	saysColumns   = "ws, id, says"
	insertSaysSQL = `
INSERT INTO read.io_says (` + saysColumns + `) SELECT * FROM unnest($1::int4[], $2::uuid[], $3::json[]) ON CONFLICT DO NOTHING`
	saysSQL = `
SELECT t.ws, t.id, t.says FROM unnest($1::int4[], $2::uuid[]) AS x (ws, id) JOIN read.io_says t ON t.ws = x.ws AND t.id = x.id`
)

func (f *fold) flushSays(t *trip) {
	if len(f.newSays) == 0 {
		return
	}
	ws, ids, texts := &array{typ: tInt4}, &array{typ: tUUID}, &array{typ: tJSON}
	for i := range f.newSays {
		n := &f.newSays[i]
		ws.add(false, &n.place.ws)
		ids.add(false, &n.place.key)
		texts.add(false, &n.text)
	}
	f.newSays = f.newSays[:0]
	t.tell(insertSaysSQL, []*array{ws, ids, texts})
}

// askSays queues the reading of what loaded facts say.
func (f *fold) askSays(list []place[uuid.UUID]) {
	if len(list) == 0 {
		return
	}
	ws, ids := &array{typ: tInt4}, &array{typ: tUUID}
	for i := range list {
		ws.add(false, &list[i].ws)
		ids.add(false, &list[i].key)
	}
	f.trip.ask(saysSQL, []*array{ws, ids}, func(v [][]byte) {
		var p place[uuid.UUID]
		readValue(tInt4, nil, v[0], &p.ws)
		readValue(tUUID, nil, v[1], &p.key)
		s := &says{}
		if json.Unmarshal(v[2], s) == nil {
			s.schema = document(s.Schema)
			f.contents[p] = s
		}
	})
}

// describeVersion makes the details and attributes of a version what the facts of its attempt say of it: field by
// field and name by name, the last word by order.
func (f *fold) describeVersion(ex *execution, v *version, facts []int32) {
	var d versionDetailsRow
	var last [6]domain.Order
	later := func(field int, is bool, o domain.Order) bool {
		if !is || o.Compare(last[field]) < 0 {
			return false
		}
		last[field] = o
		return true
	}
	best := map[attributeKey]attributeRow{}
	ours := map[domain.Order]bool{}
	for _, i := range facts {
		io := &ex.io[i]
		s, o := f.contents[place[uuid.UUID]{f.ws, io.says}], io.order
		ours[o] = true
		if s == nil {
			continue
		}
		if later(0, s.Type != "", o) {
			d.typ = s.Type
		}
		if later(1, s.URI != "", o) {
			d.uri = s.URI
		}
		if later(2, s.SizeBytes != nil, o) {
			d.sizeBytes = maybe[int64]{*s.SizeBytes, true}
		}
		if later(3, s.Digest != "", o) {
			d.digest = s.Digest
		}
		if later(4, s.schema != "", o) {
			d.schema = s.schema
		}
		if later(5, s.Lifecycle != "", o) {
			d.lifecycle = s.Lifecycle
		}
		for k, row := range s.attributes(v.key, o) {
			if old, ok := best[k]; !ok || old.order().Compare(o) <= 0 {
				best[k] = row
			}
		}
	}
	if old := f.versionDetails.get(v.key); old == nil && d != (versionDetailsRow{}) || old != nil && *old != d {
		*f.versionDetails.edit(v.key) = d
	}
	f.attributeVersion(ex, v, best, ours)
}

// attributeVersion sets the attributes of a version. What a fact set that belongs to another attempt now is replaced
// or taken back; what was set by an annotation stays where that is later.
func (f *fold) attributeVersion(ex *execution, v *version, best map[attributeKey]attributeRow, ours map[domain.Order]bool) {
	strangers := map[domain.Order]bool{}
	gone := map[attributeKey]bool{}
	for i := range ex.io {
		io := &ex.io[i]
		if io.direction != directionWrite || ours[io.order] || f.canon(io.artifact) != v.class.key {
			continue
		}
		strangers[io.order] = true
		if s := f.contents[place[uuid.UUID]{f.ws, io.says}]; s != nil {
			for k := range s.attributes(v.key, io.order) {
				gone[k] = true
			}
		}
	}
	for k, row := range best {
		old := f.attributes.get(k)
		if old == nil || strangers[old.order()] || old.order().Compare(row.order()) <= 0 {
			*f.attributes.edit(k) = row
		}
	}
	for k := range gone {
		if old := f.attributes.get(k); old != nil && !old.gone && strangers[old.order()] {
			if _, ok := best[k]; !ok {
				f.attributes.edit(k).gone = true
			}
		}
	}
}

// attributes are what is said as rows of a version.
func (s *says) attributes(version int64, o domain.Order) map[attributeKey]attributeRow {
	if len(s.Metadata)+len(s.Tags) == 0 {
		return nil
	}
	rows := make(map[attributeKey]attributeRow, len(s.Metadata)+len(s.Tags))
	put := func(space int16, name string, row attributeRow) {
		row.kind = string(domain.KindArtifactVersion)
		row.at, row.rank, row.digest = o.At, int16(o.Rank), o.Digest
		rows[attributeKey{version, space, keyText(name)}] = row
	}
	for _, a := range s.Metadata {
		put(spaceMetadata, a.Name, valueRow(a.Value))
	}
	for _, t := range s.Tags {
		put(spaceTags, t.Key, tagRow(t))
	}
	return rows
}
