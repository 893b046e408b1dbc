package fold

import (
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
)

// The kinds of versions.
const (
	kindProduced = "produced"
	kindObserved = "observed"
	kindExternal = "external"
	kindReceived = "received"
)

type versionRow struct {
	artifact, namedAs int64
	number            int32
	name              string
	producer          int64
	attempt           int32
	kind, outcome     string
	completedAt       time.Time
	lastAt            time.Time
	lastRank          maybe[int64]
	lastDigest        string
	existsNow         bool
	readers           int32
	deleted           bool
	deletedAt         time.Time
	reason            string
	sameAs            int64 // the version that it turned out to be, when two names became one artifact
	promotion         uuid.UUID
}

var versionsTable = table[int64, versionRow]{
	name: "artifact_versions", keys: 1,
	of:      func(k *int64, _ *versionRow) int64 { return *k },
	counted: func(r *versionRow) bool { return !r.deleted && r.existsNow },
	columns: []column{
		{name: "key", typ: tInt8}, {name: "artifact", typ: tInt8}, {name: "named_as", typ: tInt8}, {name: "number", typ: tInt4}, {name: "name", typ: tText, nullable: true},
		{name: "producer", typ: tInt8, nullable: true}, {name: "attempt", typ: tInt4, nullable: true}, {name: "kind", typ: tText}, {name: "outcome", typ: tText},
		{name: "completed_at", typ: tTime, nullable: true}, {name: "last_at", typ: tTime, nullable: true}, {name: "last_rank", typ: tInt2}, {name: "last_digest", typ: tBytea, nullable: true},
		{name: "exists_now", typ: tBool}, {name: "readers", typ: tInt4}, {name: "deleted", typ: tBool}, {name: "deleted_at", typ: tTime, nullable: true}, {name: "reason", typ: tText, nullable: true},
		{name: "same_as", typ: tInt8, nullable: true}, {name: "promotion", typ: tUUID, nullable: true},
	},
	bind: func(k *int64, r *versionRow, to []any) []any {
		return append(to, k, &r.artifact, &r.namedAs, &r.number, &r.name, &r.producer, &r.attempt, &r.kind, &r.outcome, &r.completedAt,
			&r.lastAt, &r.lastRank, &r.lastDigest, &r.existsNow, &r.readers, &r.deleted, &r.deletedAt, &r.reason, &r.sameAs, &r.promotion)
	},
	same: func(a, b versionRow) bool {
		a.lastAt, a.lastRank, a.lastDigest, a.readers = b.lastAt, b.lastRank, b.lastDigest, b.readers
		return a == b
	},
}

// newVersion makes a version that was never named before.
func (f *fold) newVersion(c *class, s slot, namedAs int64, ref domain.VersionRef) (*version, error) {
	key, err := f.newKey()
	if err != nil {
		return nil, err
	}
	a := f.artifacts.get(namedAs)
	ref.Artifact = domain.Name{Namespace: a.namespace, Name: a.name}
	f.identify(domain.VersionEntity(ref), key)
	v := &version{key: key, class: c, slot: s}
	v.write = domain.Write{By: domain.VersionRef{Producer: &v.by}, Execution: executionEntity(s.execution), Outcome: domain.Open, Name: s.name}
	if s.execution == 0 {
		v.write.Outcome = domain.Complete
	}
	c.slots[s] = v
	row := f.versions.edit(key)
	row.namedAs, row.number = namedAs, f.count(c.key, "artifact_version")
	row.kind = kindProduced
	if s.execution == 0 {
		row.kind = kindExternal
	}
	if s.promotion != uuid.Nil {
		row.kind, row.promotion = kindReceived, s.promotion
	}
	f.show(v)
	return v, nil
}

// outside is the version of that name that nobody here wrote.
func (f *fold) outside(c *class, name string) (*version, error) {
	if v := c.slots[slot{name: name}]; v != nil {
		return v, nil
	}
	return f.newVersion(c, slot{name: name}, c.key, domain.VersionRef{Name: name})
}

// show writes a version's state into its row.
func (f *fold) show(v *version) {
	row := f.versions.edit(v.key)
	row.artifact, row.producer, row.attempt = v.class.key, v.slot.execution, int32(v.slot.attempt)
	row.name, row.outcome, row.readers = v.write.Name, string(v.write.Outcome), v.readers
	row.completedAt, row.lastAt = time.Time{}, v.write.Last.At
	if v.pickable() {
		row.completedAt = v.write.Completed
	}
	row.lastRank, row.lastDigest = maybe[int64]{}, ""
	if !row.lastAt.IsZero() {
		row.lastRank, row.lastDigest = maybe[int64]{int64(v.write.Last.Rank), true}, string(v.write.Last.Digest[:])
	}
	row.existsNow = v.alive || v.slot.execution == 0 && v.readers > 0
	row.deletedAt = v.write.DeletedAt
	if v.slot.execution == 0 && v.slot.promotion == uuid.Nil && v.alive {
		row.kind = kindObserved
	}
}

// gatherVersion puts a loaded version into its class.
func (f *fold) gatherVersion(key int64, row *versionRow) {
	c := f.class(row.artifact)
	s := slot{execution: row.producer, attempt: int(row.attempt)}
	switch {
	case row.promotion != uuid.Nil:
		s = slot{promotion: row.promotion}
	case row.producer == 0:
		s = slot{name: row.name}
	}
	v := &version{key: key, class: c, slot: s, readers: row.readers}
	v.alive = row.existsNow && (row.producer != 0 || row.promotion != uuid.Nil) || row.kind == kindObserved
	v.write = domain.Write{
		By: domain.VersionRef{Producer: &v.by}, Execution: executionEntity(row.producer), Outcome: domain.Outcome(row.outcome),
		Completed: row.completedAt, Name: row.name, DeletedAt: row.deletedAt,
		Last: domain.Order{At: row.lastAt, Rank: int(row.lastRank.value)},
	}
	copy(v.write.Last.Digest[:], row.lastDigest)
	if row.sameAs != 0 {
		return
	}
	c.slots[s] = v
	if v.alive {
		if v.pickable() {
			c.put(v)
		}
		if row.name != "" {
			c.named[row.name] = append(c.named[row.name], v)
		}
	}
}

type versionDetailsRow struct {
	typ, uri  string
	sizeBytes maybe[int64]
	digest    string
	schema    string
	lifecycle string
	said      marks
}

var versionDetailsTable = table[int64, versionDetailsRow]{
	name: "version_details", keys: 1,
	of: func(k *int64, _ *versionDetailsRow) int64 { return *k },
	columns: []column{
		{name: "key", typ: tInt8}, {name: "type", typ: tText, nullable: true}, {name: "uri", typ: tText, nullable: true}, {name: "size_bytes", typ: tInt8},
		{name: "digest", typ: tText, nullable: true}, {name: "schema", typ: tJSONB, nullable: true, canon: canonical[[]domain.Field]},
		{name: "lifecycle", typ: tText, nullable: true}, {name: "said", typ: tBytea, nullable: true, live: true},
	},
	bind: func(k *int64, r *versionDetailsRow, to []any) []any {
		return append(to, k, &r.typ, &r.uri, &r.sizeBytes, &r.digest, &r.schema, &r.lifecycle, (*string)(&r.said))
	},
	same: func(a, b versionDetailsRow) bool { a.said = b.said; return a == b },
}

// detail folds in what a fact says of a version besides who wrote it.
func (f *fold) detail(key int64, io *domain.IO) {
	if io.Type != "" || io.URI != "" || io.SizeBytes != nil || io.Digest != "" || len(io.Schema) > 0 || io.Lifecycle != "" {
		d := f.versionDetails.edit(key)
		later := func(is bool, field byte) bool { return is && d.said.later(field, f.order) }
		if later(io.Type != "", markType) {
			d.typ = noNUL(io.Type)
		}
		if later(io.URI != "", markURI) {
			d.uri = noNUL(io.URI)
		}
		if later(io.SizeBytes != nil, markBytes) {
			d.sizeBytes = maybe[int64]{*io.SizeBytes, true}
		}
		if later(io.Digest != "", markDigest) {
			d.digest = noNUL(io.Digest)
		}
		if later(len(io.Schema) > 0, markSchema) {
			d.schema = document(io.Schema)
		}
		if later(io.Lifecycle != "", markLifecycle) {
			d.lifecycle = noNUL(io.Lifecycle)
		}
	}
	f.set(key, domain.KindArtifactVersion, spaceMetadata, io.Metadata)
	f.tag(key, domain.KindArtifactVersion, io.Tags)
}

// observed folds in that a version was seen, by a fact that names no execution.
func (f *fold) observed(c *class, name string) (*version, error) {
	v, err := f.outside(c, name)
	if err != nil {
		return nil, err
	}
	if !v.alive || v.write.Last.Compare(f.order) < 0 {
		c.change(f, v, func() { v.alive, v.write.Last = true, f.order })
		f.show(v)
	}
	return v, nil
}

// referred finds the version that a reference names, or makes a placeholder of it. A name alone may stand for what
// an execution wrote under it.
func (f *fold) referred(ref domain.VersionRef) (*version, error) {
	c := f.class(f.canon(f.artifactKey(ref.Artifact)))
	if ref.Producer != nil {
		s := slot{execution: f.key(ref.Producer.Entity()), attempt: max(ref.Attempt, 1)}
		if v := c.slots[s]; v != nil {
			return v, nil
		}
		return f.newVersion(c, s, f.artifactKey(ref.Artifact), ref)
	}
	if ref.Promotion != uuid.Nil {
		return f.receivedBy(c, ref)
	}
	name := keyText(ref.Name)
	v := c.slots[slot{name: name}]
	if v != nil && (v.alive || v.readers > 0) {
		return v, nil
	}
	if named := c.named[name]; name != "" && len(named) > 0 {
		best := named[0]
		for _, w := range named[1:] {
			if best.compare(w) < 0 {
				best = w
			}
		}
		return best, nil
	}
	return f.outside(c, name)
}

func (f *fold) versionAnnotated(e domain.ArtifactVersionAnnotated) error {
	v, err := f.referred(e.Version)
	if err != nil {
		return err
	}
	f.meantVersion = v.key
	f.set(v.key, domain.KindArtifactVersion, spaceMetadata, e.Metadata)
	f.tag(v.key, domain.KindArtifactVersion, e.Tags)
	return nil
}

// versionDeleted hides a version: reads that begin at or after the deletion mean another one.
func (f *fold) versionDeleted(e domain.ArtifactVersionDeleted) error {
	v, err := f.referred(e.Version)
	if err != nil {
		return err
	}
	f.meantVersion = v.key
	if v.write.DeletedAt.IsZero() || f.order.At.Before(v.write.DeletedAt) {
		v.class.change(f, v, func() { v.write.DeletedAt = f.order.At })
	}
	f.show(v)
	row := f.versions.edit(v.key)
	row.deleted, row.reason = true, f.reason()
	return nil
}
