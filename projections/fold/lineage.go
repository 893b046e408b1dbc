package fold

import (
	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
)

// lineage is what the page knows of executions and of the artifacts they read and write.
type lineage struct {
	executions      map[place[int64]]*execution
	stepExecutions  map[place[int64]][]*execution // of a run
	classes         map[place[int64]]*class
	dirtyExecutions []*execution
	dirtyClasses    []*class
	shaken          []*version // from outside, and their readers changed
	moves           []move
	deltas          []delta
	meantVersion    int64 // the version that the event at hand is about
	scratch         []domain.Write
	contents        map[place[uuid.UUID]]*says
	newSays         []newSays

	// of loading
	times         map[place[int64]]*times
	said          map[place[domain.Execution]][]moment // times of the page's facts
	timed         map[place[int64]]bool                // executions whose times were collected
	stepsOf       []stepOf
	pageUses      map[place[int64]][]pageUse // of an execution that is in the database
	newUses       []newUse
	pagePipelines map[domain.RunRef][]int64
	pageWords     map[domain.RunRef][]string   // what a run calls the version of its pipeline
	joined        map[place[domain.Name]]int64 // names that aliases of the page join to a class in the database
}

func (l *lineage) init() {
	l.executions, l.stepExecutions, l.classes = map[place[int64]]*execution{}, map[place[int64]][]*execution{}, map[place[int64]]*class{}
	l.contents = map[place[uuid.UUID]]*says{}
	l.joined = map[place[domain.Name]]int64{}
	l.pageUses, l.pagePipelines = map[place[int64]][]pageUse{}, map[domain.RunRef][]int64{}
	l.pageWords = map[domain.RunRef][]string{}
}

// class is the class of that key, of the workspace at hand.
func (f *fold) class(key int64) *class {
	p := place[int64]{f.ws, key}
	c := f.classes[p]
	if c == nil {
		c = newClass(f.ws, key)
		f.classes[p] = c
	}
	return c
}

// canon is the class of an artifact.
func (f *fold) canon(artifact int64) int64 { return f.artifacts.get(artifact).canonical }
