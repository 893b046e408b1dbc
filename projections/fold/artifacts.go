package fold

import (
	"slices"
	"time"

	"github.com/annals-io/annals/domain"
)

type artifactRow struct {
	namespace, name            string
	typ                        string
	canonical                  int64
	description, descriptionAt string
	lifecycle, schema          string
	schemaAt                   time.Time
	deleted                    bool
	reason                     string
	said                       marks
}

var artifactsTable = table[int64, artifactRow]{
	name: "artifacts", keys: 1,
	of:      func(k *int64, _ *artifactRow) int64 { return *k },
	counted: func(r *artifactRow) bool { return !r.deleted },
	columns: []column{
		{name: "key", typ: tInt8}, {name: "namespace", typ: tText}, {name: "name", typ: tText}, {name: "type", typ: tText, nullable: true}, {name: "canonical", typ: tInt8},
		{name: "description", typ: tBytea, nullable: true}, {name: "description_at", typ: tText, nullable: true}, {name: "lifecycle", typ: tText, nullable: true},
		{name: "schema", typ: tJSONB, nullable: true, canon: canonical[[]domain.Field]}, {name: "schema_at", typ: tTime, nullable: true},
		{name: "deleted", typ: tBool}, {name: "reason", typ: tText, nullable: true}, {name: "said", typ: tBytea, nullable: true, live: true},
	},
	bind: func(k *int64, r *artifactRow, to []any) []any {
		return append(to, k, &r.namespace, &r.name, &r.typ, &r.canonical, &r.description, &r.descriptionAt, &r.lifecycle, &r.schema, &r.schemaAt,
			&r.deleted, &r.reason, (*string)(&r.said))
	},
	same: func(a, b artifactRow) bool { a.said, a.schemaAt = b.said, b.schemaAt; return a == b },
}

type aliasKey struct{ artifact, alias int64 }

type aliasRow struct{ typ string }

var aliasesTable = table[aliasKey, aliasRow]{
	name: "aliases", keys: 2, noWas: true,
	columns: []column{{name: "artifact", typ: tInt8}, {name: "alias", typ: tInt8}, {name: "type", typ: tText, nullable: true}},
	bind:    func(k *aliasKey, r *aliasRow, to []any) []any { return append(to, &k.artifact, &k.alias, &r.typ) },
}

// nameArtifact makes the row of an artifact that was never named before.
func (f *fold) nameArtifact(n named) {
	key := f.key(n.Entity)
	a := f.artifacts.edit(key)
	a.namespace, a.name, a.canonical = n.name.Namespace, n.name.Name, key
	f.members[place[int64]{f.ws, key}] = []int64{key}
	f.words.add(f, domain.KindArtifact, key, n.name.Name)
}

// artifactSays folds in what a fact says of an artifact, and unites it with its other names.
func (f *fold) artifactSays(io *domain.IO) error {
	key := f.artifactKey(io.Artifact)
	a := f.artifacts.edit(key)
	later := func(is bool, field byte) bool { return is && a.said.later(field, f.order) }
	if later(io.Type != "", markType) {
		a.typ = noNUL(io.Type)
	}
	if later(io.Lifecycle != "", markLifecycle) {
		a.lifecycle = noNUL(io.Lifecycle)
	}
	if later(len(io.Schema) > 0, markSchema) {
		a.schema, a.schemaAt = document(io.Schema), f.order.At
	}
	if io.Renamed != nil { // who looks for the earlier name finds it
		f.words.rename(f, domain.KindArtifact, key, a.name, io.Renamed.Name)
	}
	if io.Docs != nil {
		a.describe(io.Docs, f.order)
	}
	for _, facet := range io.Deleted {
		switch {
		case facet == "documentation":
			a.describe(nil, f.order)
		case later(facet == "schema", markSchema):
			a.schema, a.schemaAt = "", f.order.At
		case later(facet == "lifecycleStateChange", markLifecycle):
			a.lifecycle = ""
		case later(facet == "datasetType", markType):
			a.typ = ""
		}
	}
	for _, alias := range io.Aliases {
		if err := f.alias(key, alias); err != nil {
			return err
		}
	}
	return nil
}

func (a *artifactRow) describe(t *domain.Text, o domain.Order) {
	if a.said.later(markDescription, o) {
		a.description, a.descriptionAt = textOf(t)
	}
}

// alias says that two names are one artifact.
func (f *fold) alias(key int64, a domain.Alias) error {
	other := f.artifactKey(a.Name)
	if other == key {
		return nil
	}
	if k := (aliasKey{key, other}); f.aliases.get(k) == nil {
		f.aliases.edit(k).typ = noNUL(a.Type)
	}
	return f.unite(f.canon(key), f.canon(other))
}

// artifactChanged folds the facts on an artifact that are no execution's.
func (f *fold) artifactChanged(e domain.Event) error {
	key := f.key(e.Subject())
	switch e := e.(type) {
	case domain.ArtifactObserved:
		return f.artifactObserved(key, e)
	case domain.ArtifactDescribed:
		f.artifacts.edit(key).describe(e.Description, f.order)
	case domain.ArtifactTagged:
		f.tag(key, domain.KindArtifact, e.Set)
		f.untag(key, domain.KindArtifact, e.Removed)
	case domain.ArtifactAliased:
		return f.alias(key, e.Alias)
	case domain.ArtifactDeleted:
		a := f.artifacts.edit(key)
		a.deleted, a.reason = true, f.reason()
	}
	return nil
}

func (f *fold) artifactObserved(key int64, e domain.ArtifactObserved) error {
	if err := f.artifactSays(&e.IO); err != nil {
		return err
	}
	if slices.Contains(e.Deleted, "tags") {
		f.untag(key, domain.KindArtifact, f.tagsOf(key))
	}
	if e.Version == "" {
		f.set(key, domain.KindArtifact, spaceMetadata, e.Metadata)
		f.tag(key, domain.KindArtifact, e.Tags)
		return nil
	}
	v, err := f.observed(f.class(f.canon(key)), keyText(e.Version))
	if err != nil {
		return err
	}
	f.detail(v.key, &e.IO)
	return nil
}

// consumed folds in what an execution reads.
func (f *fold) consumed(e domain.ArtifactsConsumed) error {
	ex := f.spoken(e.Execution)
	for i := range e.Inputs {
		io := &e.Inputs[i]
		if err := f.artifactSays(io); err != nil {
			return err
		}
		key := f.artifactKey(io.Artifact)
		f.set(key, domain.KindArtifact, spaceMetadata, io.Metadata)
		f.tag(key, domain.KindArtifact, io.Tags)
		f.addIO(ex, ioFact{direction: directionRead, artifact: key, name: keyText(io.Version), phase: e.Phase, attempt: e.Attempt, role: keyText(io.Role), position: int32(io.Position)})
	}
	f.executionChanged(ex, e.Execution)
	return nil
}

// produced folds in what an execution writes, and from what.
func (f *fold) produced(e domain.ArtifactsProduced) error {
	ex := f.spoken(e.Execution)
	for i := range e.Outputs {
		io := &e.Outputs[i]
		if err := f.artifactSays(io); err != nil {
			return err
		}
		columns, err := f.columnsOf(io)
		if err != nil {
			return err
		}
		content, err := f.say(io)
		if err != nil {
			return err
		}
		key, sources := f.artifactKey(io.Artifact), f.sourcesOf(io, columns)
		f.addIO(ex, ioFact{direction: directionWrite, artifact: key, name: keyText(io.Version), phase: e.Phase, attempt: e.Attempt,
			role: keyText(io.Role), position: int32(io.Position), sources: sources, says: content})
		for _, source := range sources {
			f.addIO(ex, ioFact{direction: directionImplied, artifact: source, phase: e.Phase, attempt: e.Attempt})
		}
		if err := f.columnsSaid(ex, key, io, columns); err != nil {
			return err
		}
	}
	f.executionChanged(ex, e.Execution)
	return nil
}

// tagsOf are the keys of the tags that an entity has, sorted.
func (f *fold) tagsOf(entity int64) []string {
	var keys []string
	for p, r := range f.attributes.rows {
		if p.ws == f.ws && r.will && !r.next.gone && p.key.entity == entity && p.key.space == spaceTags {
			keys = append(keys, p.key.name)
		}
	}
	slices.Sort(keys)
	return keys
}

// spoken is the execution that the event at hand is about.
func (f *fold) spoken(x domain.Execution) *execution {
	run := int64(0)
	if x.Step != "" {
		run = f.runKey(x.Run)
	}
	ex := f.execution(f.key(f.derived.execution(x)), run)
	ex.ref = x
	return ex
}

// addIO adds a fact of the event at hand.
func (f *fold) addIO(ex *execution, io ioFact) {
	io.revision, io.order = f.revision, f.order
	f.ioOrdinal++
	io.ordinal = f.ioOrdinal
	ex.io = append(ex.io, io)
	if f.fill == nil {
		f.ioFacts.add(f, ex, &io)
	} else {
		f.fill.facts++
	}
	f.thinIO(ex)
}

// sourcesOf are the artifacts that an output was made from, where that was said; nil: it was not.
func (f *fold) sourcesOf(io *domain.IO, columns []domain.ColumnEdge) []int64 {
	names := io.From
	if names == nil {
		for _, c := range columns {
			names = append(names, c.From)
		}
	}
	if names == nil {
		return nil
	}
	keys := []int64{} // made from nothing, where the list is empty
	for _, n := range names {
		if key := f.artifactKey(n); key != 0 && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}
