package fold

import (
	"fmt"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
)

// A named is something an event names. Exactly the fields of its kind are set: run for runs, run and step for steps,
// name for pipelines and artifacts.
type named struct {
	domain.Entity
	run  domain.RunRef
	step string
	name domain.Name
}

// An identity is a row of read.identities: from natural name to key.
type identity struct {
	ws   int32
	id   uuid.UUID
	kind domain.Kind
	key  int64
}

// A namer lists what an event names, in the order of the ordinals.
type namer struct {
	fold *fold
	list []named
	seen map[uuid.UUID]bool // of the list, once it has more than a few
}

// fewNames are found faster by looking at each.
const fewNames = 16

// namesIn lists everything that an event names and that gets a key from being named, artifact versions apart.
func (f *fold) namesIn(e domain.Event) []named {
	n := namer{fold: f}
	switch e := e.(type) {
	case domain.PipelineRegistered:
		n.pipeline(e.Pipeline)
	case domain.PipelineVersionRegistered:
		n.pipeline(e.Pipeline)
		n.add(named{Entity: domain.PipelineVersionEntity(e.Pipeline, e.Hash), name: e.Pipeline})
	case domain.PipelineDescribed:
		n.pipeline(e.Pipeline)
	case domain.PipelineTagged:
		n.pipeline(e.Pipeline)
	case domain.PipelineDeleted:
		n.pipeline(e.Pipeline)
	case domain.PipelineDeclared:
		n.pipeline(e.Pipeline)
		n.ios(e.Inputs)
		n.ios(e.Outputs)
	case domain.RunReported:
		n.run(e.Run)
		if e.Pipeline != nil {
			n.pipeline(*e.Pipeline)
		}
	case domain.RunNested:
		n.run(e.Run)
		n.run(e.Parent)
		if e.Root != nil {
			n.run(*e.Root)
		}
	case domain.RunDeleted:
		n.run(e.Run)
	case domain.StepReported:
		n.execution(e.Execution)
		if e.CachedFrom != nil {
			n.execution(*e.CachedFrom)
		}
	case domain.StepDeleted:
		n.execution(e.Execution)
	case domain.MetricsLogged:
		n.execution(e.Execution)
	case domain.ArtifactsConsumed:
		n.execution(e.Execution)
		n.ios(e.Inputs)
	case domain.ArtifactsProduced:
		n.execution(e.Execution)
		n.ios(e.Outputs)
	case domain.ArtifactObserved:
		n.io(e.IO)
	case domain.ArtifactDescribed:
		n.artifact(e.Artifact)
	case domain.ArtifactTagged:
		n.artifact(e.Artifact)
	case domain.ArtifactAliased:
		n.artifact(e.Artifact)
		n.artifact(e.Alias.Name)
	case domain.ArtifactDeleted:
		n.artifact(e.Artifact)
	case domain.ArtifactVersionAnnotated:
		n.version(e.Version)
	case domain.ArtifactVersionDeleted:
		n.version(e.Version)
	case domain.ArtifactVersionSent:
		n.version(e.Version)
	case domain.ArtifactVersionPromoted:
		n.version(e.Version)
	case domain.ArtifactVersionPromotionRefused:
		n.version(e.Version)
	case domain.ArtifactVersionReceived:
		n.io(e.IO)
	}
	return n.list
}

func (n *namer) add(x named) {
	if n.seen != nil {
		if n.seen[x.ID] {
			return
		}
		n.seen[x.ID] = true
	} else {
		for i := range n.list {
			if n.list[i].ID == x.ID {
				return
			}
		}
	}
	n.list = append(n.list, x)
	if n.seen == nil && len(n.list) == fewNames {
		n.seen = make(map[uuid.UUID]bool, 2*fewNames)
		for i := range n.list {
			n.seen[n.list[i].ID] = true
		}
	}
}

func (n *namer) pipeline(name domain.Name) {
	n.add(named{Entity: n.fold.derived.pipeline(name), name: name})
}

func (n *namer) artifact(name domain.Name) {
	n.add(named{Entity: n.fold.derived.artifact(name), name: name})
}

func (n *namer) run(r domain.RunRef) {
	n.add(named{Entity: n.fold.derived.run(r), run: r})
	if r.Job != (domain.Name{}) {
		n.pipeline(r.Job)
	}
}

func (n *namer) execution(x domain.Execution) {
	if x.Step != "" {
		n.add(named{Entity: n.fold.derived.execution(x), run: x.Run, step: x.Step})
	}
	n.run(x.Run)
}

func (n *namer) version(v domain.VersionRef) {
	n.artifact(v.Artifact)
	if v.Producer != nil {
		n.execution(*v.Producer)
	}
}

func (n *namer) ios(ios []domain.IO) {
	for _, io := range ios {
		n.io(io)
	}
}

func (n *namer) io(io domain.IO) {
	n.artifact(io.Artifact)
	for _, a := range io.Aliases {
		n.artifact(a.Name)
	}
	for _, from := range io.From {
		n.artifact(from)
	}
	columns, _ := n.fold.columnsOf(&io) // what is wrong with it is said when it is folded
	for _, c := range columns {
		n.artifact(c.From)
	}
}

// errTooManyNames is the cause where one event names more than its keys can tell apart.
var errTooManyNames = fmt.Errorf("it names more than %d new things", domain.MaxNames-1)

// newKey is the next key of the event at hand.
func (f *fold) newKey() (int64, error) {
	f.ordinal++
	if f.ordinal >= domain.MaxNames {
		return 0, errTooManyNames
	}
	return f.revision*domain.MaxNames + int64(f.ordinal), nil
}

// key is the key of an entity that has one; 0: it was never named.
func (f *fold) key(e domain.Entity) int64 { return f.ids[place[uuid.UUID]{f.ws, e.ID}] }

func (f *fold) pipelineKey(n domain.Name) int64 { return f.key(f.derived.pipeline(n)) }
func (f *fold) artifactKey(n domain.Name) int64 { return f.key(f.derived.artifact(n)) }
func (f *fold) runKey(r domain.RunRef) int64    { return f.key(f.derived.run(r)) }

// identify gives an entity its key. What has one keeps it in the table: a version may be made anew under its name.
func (f *fold) identify(e domain.Entity, key int64) {
	p := place[uuid.UUID]{f.ws, e.ID}
	if _, known := f.ids[p]; !known {
		n := identity{f.ws, e.ID, e.Kind, key}
		if f.fill != nil {
			f.fill.identity(&n)
		} else {
			f.newIDs = append(f.newIDs, n)
		}
	}
	f.ids[p] = key
}

// nameAll gives keys to what the event names for the first time, and then rows: a row may refer to any of the keys.
func (f *fold) nameAll(names []named) error {
	var fresh []named
	for _, n := range names {
		if f.key(n.Entity) != 0 {
			continue
		}
		key, err := f.newKey()
		if err != nil {
			return err
		}
		f.identify(n.Entity, key)
		fresh = append(fresh, n)
	}
	for _, n := range fresh {
		switch n.Kind {
		case domain.KindPipeline:
			f.namePipeline(n)
		case domain.KindArtifact:
			f.nameArtifact(n)
		}
	}
	for _, n := range fresh {
		switch n.Kind {
		case domain.KindRun:
			f.nameRun(n)
		case domain.KindStep:
			f.nameStep(n)
		}
	}
	return nil
}
