package fold

import (
	"encoding/json"
	"time"

	"github.com/annals-io/annals/domain"
)

// attemptDoc is an attempt as it stands in the column attempts, which is there where there is more than one attempt
// or a contradiction.
type attemptDoc struct {
	Number        int             `json:"number"`
	Status        string          `json:"status"`
	StartedAt     *time.Time      `json:"startedAt,omitempty"`
	EndedAt       *time.Time      `json:"endedAt,omitempty"`
	Contradictory bool            `json:"contradictory,omitempty"`
	Failure       *domain.Failure `json:"failure,omitempty"`
}

func attemptsDocument(l domain.Life) string {
	if len(l.Attempts) < 2 && !l.Contradictory {
		return ""
	}
	docs := make([]attemptDoc, len(l.Attempts))
	for i, a := range l.Attempts {
		docs[i] = attemptDoc{Number: a.Number, Status: string(a.Status), Contradictory: a.Contradictory, Failure: a.Failure}
		if !a.StartedAt.IsZero() {
			docs[i].StartedAt = &l.Attempts[i].StartedAt
		}
		if !a.EndedAt.IsZero() {
			docs[i].EndedAt = &l.Attempts[i].EndedAt
		}
	}
	return document(docs)
}

// lived adds a fact to the life of a run, or of a step of run, and folds it anew. What went wrong belongs to the attempt
// that its fact belongs to, which a start that comes late can change.
func (f *fold) lived(key, run int64, x domain.Execution, fact domain.Fact) error {
	fact.Order = f.order
	ex := f.execution(key, run)
	ex.facts, ex.revisions = append(ex.facts, fact), append(ex.revisions, f.revision)
	if f.fill == nil {
		f.lifeFacts.add(f, key, fact)
	} else {
		f.fill.facts++
	}
	f.thinLife(ex)
	ex.life = domain.FoldLife(ex.facts)
	f.executionChanged(ex, x)
	l := ex.life
	last, failure := int32(0), ""
	if n := len(l.Attempts); n > 0 {
		last, failure = int32(l.Attempts[n-1].Number), failureDocument(l.Attempts[n-1].Failure)
	}
	if run == 0 {
		r := f.runs.edit(key)
		turned := domain.Status(r.own).Ended() != l.Status.Ended()
		r.own, r.startedAt, r.endedAt, r.firstAt = string(l.Status), l.StartedAt, l.EndedAt, l.First
		r.attempt, r.contradictory, r.attempts, r.failure = last, l.Contradictory, attemptsDocument(l), failure
		f.dirtyRuns = append(f.dirtyRuns, dirtyRun{key, turned})
		return nil
	}
	s := f.steps.edit(key)
	s.own, s.startedAt, s.endedAt, s.firstAt = string(l.Status), l.StartedAt, l.EndedAt, l.First
	s.attempt, s.contradictory, s.attempts, s.failure = last, l.Contradictory, attemptsDocument(l), failure
	f.dirtySteps = append(f.dirtySteps, key)
	return nil
}

// lifeRows are facts to be written.
type lifeRows struct {
	n    int
	args [8]*array
}

func (l *lifeRows) add(f *fold, key int64, fact domain.Fact) {
	if l.n == 0 {
		for i, t := range [...]typ{tInt4, tInt8, tInt8, tText, tTime, tBytea, tInt4, tJSONB} {
			l.args[i] = &array{typ: t}
		}
	}
	l.n++
	phase, attempt, failure := string(fact.Phase), int32(fact.Attempt), failureDocument(fact.Failure)
	for i, p := range [...]any{&f.ws, &key, &f.revision, &phase, &fact.Order.At, &fact.Order.Digest, &attempt, &failure} {
		l.args[i].add(i == 7, p)
	}
}

const (
	lifeColumns   = "ws, execution, revision, phase, at, digest, attempt, failure"
	insertLifeSQL = `
INSERT INTO read.life_facts (` + lifeColumns + `)
SELECT * FROM unnest($1::int4[], $2::int8[], $3::int8[], $4::text[], $5::timestamptz[], $6::bytea[], $7::int4[], $8::jsonb[])`
)

func (l *lifeRows) flush(t *trip) {
	if l.n > 0 {
		t.add("life_facts", lifeColumns, insertLifeSQL, l.args[:])
	}
	l.n = 0
}

const lifeFactsSQL = `
SELECT t.ws, t.execution, t.phase, t.at, t.digest, t.attempt, t.revision, t.failure
FROM unnest($1::int4[], $2::int8[]) AS x (ws, execution) JOIN read.life_facts t ON t.ws = x.ws AND t.execution = x.execution
ORDER BY t.ws, t.execution, t.revision`

// takeLife reads a fact of an execution that was asked for.
func (f *fold) takeLife(v [][]byte) {
	var p place[int64]
	var phase string
	var fact domain.Fact
	var attempt int32
	var revision int64
	var failure string
	readValue(tInt4, nil, v[0], &p.ws)
	readValue(tInt8, nil, v[1], &p.key)
	readValue(tText, nil, v[2], &phase)
	readValue(tTime, nil, v[3], &fact.Order.At)
	readValue(tBytea, nil, v[4], &fact.Order.Digest)
	readValue(tInt4, nil, v[5], &attempt)
	readValue(tInt8, nil, v[6], &revision)
	readValue(tJSONB, canonical[domain.Failure], v[7], &failure)
	fact.Failure = failureOf(failure)
	fact.Phase, fact.Attempt, fact.Order.Rank = domain.Phase(phase), int(attempt), rankOf(domain.Phase(phase))
	if ex := f.executions[p]; ex != nil {
		ex.facts, ex.revisions = append(ex.facts, fact), append(ex.revisions, revision)
	}
}

// failureDocument is what went wrong as a column holds it.
func failureDocument(f *domain.Failure) string {
	if f == nil {
		return ""
	}
	return document(f)
}

// failureOf reads a failure of a fact; nil where it says none.
func failureOf(document string) *domain.Failure {
	if document == "" {
		return nil
	}
	var f domain.Failure
	if json.Unmarshal([]byte(document), &f) != nil {
		return nil
	}
	return &f
}

// rankOf is the rank of a phase among facts at one instant.
func rankOf(p domain.Phase) int {
	r := domain.Recorded{Event: domain.RunReported{Phase: p}}
	return r.Order().Rank
}
