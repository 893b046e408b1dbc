package fold

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/annals-io/annals/domain"
)

type stepRow struct {
	run                int64
	name, title        string
	status, own        string
	startedAt, endedAt time.Time
	firstAt            time.Time
	attempt            int32
	contradictory      bool
	upstream, cacheKey string
	cachedFrom         int64
	code               string
	deleted            bool
	reason             string
	attempts, failure  string
	warnings           string
	said               marks
}

var stepsTable = table[int64, stepRow]{
	name: "steps", keys: 1,
	of:      func(k *int64, _ *stepRow) int64 { return *k },
	counted: func(r *stepRow) bool { return !r.deleted },
	columns: []column{
		{name: "key", typ: tInt8}, {name: "run", typ: tInt8}, {name: "name", typ: tText}, {name: "title", typ: tText, nullable: true},
		{name: "status", typ: tText}, {name: "own_status", typ: tText},
		{name: "started_at", typ: tTime, nullable: true}, {name: "ended_at", typ: tTime, nullable: true}, {name: "first_at", typ: tTime, nullable: true},
		{name: "attempt", typ: tInt4}, {name: "contradictory", typ: tBool},
		{name: "upstream", typ: tList, nullable: true, canon: canonical[[]string]}, {name: "cache_key", typ: tText, nullable: true}, {name: "cached_from", typ: tInt8, nullable: true},
		{name: "code", typ: tJSONB, nullable: true, canon: canonical[domain.CodeRef]}, {name: "deleted", typ: tBool}, {name: "reason", typ: tText, nullable: true},
		{name: "attempts", typ: tJSONB, nullable: true, canon: canonical[[]attemptDoc]}, {name: "failure", typ: tJSONB, nullable: true, canon: canonical[domain.Failure]},
		{name: "warnings", typ: tList, nullable: true, canon: canonical[[]string]}, {name: "said", typ: tBytea, nullable: true, live: true},
	},
	bind: func(k *int64, r *stepRow, to []any) []any {
		return append(to, k, &r.run, &r.name, &r.title, &r.status, &r.own, &r.startedAt, &r.endedAt, &r.firstAt, &r.attempt, &r.contradictory,
			&r.upstream, &r.cacheKey, &r.cachedFrom, &r.code, &r.deleted, &r.reason, &r.attempts, &r.failure, &r.warnings, (*string)(&r.said))
	},
	same: func(a, b stepRow) bool { a.said = b.said; return a == b },
}

// nameStep makes the row of a step that was never named before.
func (f *fold) nameStep(n named) {
	key, run := f.key(n.Entity), f.runKey(n.run)
	s := f.steps.edit(key)
	s.run, s.name = run, n.step
	s.status, s.own = string(domain.StatusUnknown), string(domain.StatusUnknown)
	f.joinSteps(run, key)
}

// stepReported folds in a report on a step.
func (f *fold) stepReported(e domain.StepReported) error {
	key := f.key(e.Subject())
	s := f.steps.edit(key)
	if e.Name != "" && s.said.later(markName, f.order) {
		s.title = noNUL(e.Name)
	}
	if len(e.Upstream) > 0 && s.said.later(markUpstream, f.order) {
		s.upstream = document(e.Upstream)
	}
	if e.Code != nil && s.said.later(markCode, f.order) {
		s.code = document(e.Code)
	}
	if e.CacheKey != "" && s.said.later(markCacheKey, f.order) {
		s.cacheKey = noNUL(e.CacheKey)
	}
	if e.CachedFrom != nil && s.said.later(markCachedFrom, f.order) {
		s.cachedFrom = f.key(e.CachedFrom.Entity())
	}
	f.set(key, domain.KindStep, spaceParameters, e.Parameters)
	f.set(key, domain.KindStep, spaceMetadata, e.Metadata)
	f.tag(key, domain.KindStep, e.Tags)
	return f.lived(key, s.run, e.Execution, domain.Fact{Phase: e.Phase, Attempt: e.Attempt, Failure: e.Failure})
}

func (f *fold) stepDeleted(e domain.StepDeleted) {
	s := f.steps.edit(f.key(e.Subject()))
	s.deleted, s.reason = true, f.reason()
}

// warn keeps what was odd about the message of the event at hand with the run or step that it is about.
func (f *fold) warn(subject domain.Entity) {
	if len(f.e.Meta.Warnings) == 0 {
		return
	}
	switch subject.Kind {
	case domain.KindRun:
		d := f.runDetails.edit(f.key(subject))
		d.warnings = united(d.warnings, f.e.Meta.Warnings)
	case domain.KindStep:
		s := f.steps.edit(f.key(subject))
		s.warnings = united(s.warnings, f.e.Meta.Warnings)
	}
}

// united is a JSON list with more strings in it, sorted, each once.
func united(list string, more []string) string {
	if len(more) == 0 {
		return list
	}
	var all []string
	if list != "" && json.Unmarshal([]byte(list), &all) != nil {
		all = nil
	}
	for _, s := range more {
		all = append(all, noNUL(s))
	}
	slices.Sort(all)
	return document(slices.Compact(all))
}
