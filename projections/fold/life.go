package fold

import (
	"time"

	"github.com/annals-io/annals/domain"
)

// attemptDoc is an attempt as it stands in the column attempts, which is there where there is more than one attempt
// or a contradiction.
type attemptDoc struct {
	Number        int        `json:"number"`
	Status        string     `json:"status"`
	StartedAt     *time.Time `json:"startedAt,omitempty"`
	EndedAt       *time.Time `json:"endedAt,omitempty"`
	Contradictory bool       `json:"contradictory,omitempty"`
}

func attemptsDocument(l domain.Life) string {
	if len(l.Attempts) < 2 && !l.Contradictory {
		return ""
	}
	docs := make([]attemptDoc, len(l.Attempts))
	for i, a := range l.Attempts {
		docs[i] = attemptDoc{Number: a.Number, Status: string(a.Status), Contradictory: a.Contradictory}
		if !a.StartedAt.IsZero() {
			docs[i].StartedAt = &l.Attempts[i].StartedAt
		}
		if !a.EndedAt.IsZero() {
			docs[i].EndedAt = &l.Attempts[i].EndedAt
		}
	}
	return document(docs)
}

// lived adds a fact to the life of a run, or of a step of run, and folds it anew.
func (f *fold) lived(key, run int64, x domain.Execution, phase domain.Phase, attempt int) error {
	fact := domain.Fact{Phase: phase, Order: f.order, Attempt: attempt}
	ex := f.execution(key, run)
	ex.facts, ex.revisions = append(ex.facts, fact), append(ex.revisions, f.revision)
	f.lifeFacts.add(f, key, fact)
	f.thinLife(ex)
	ex.life = domain.FoldLife(ex.facts)
	f.executionChanged(ex, x)
	l := ex.life
	last := int32(0)
	if n := len(l.Attempts); n > 0 {
		last = int32(l.Attempts[n-1].Number)
	}
	if run == 0 {
		r := f.runs.edit(key)
		turned := domain.Status(r.own).Ended() != l.Status.Ended()
		r.own, r.startedAt, r.endedAt, r.firstAt = string(l.Status), l.StartedAt, l.EndedAt, l.First
		r.attempt, r.contradictory, r.attempts = last, l.Contradictory, attemptsDocument(l)
		f.dirtyRuns = append(f.dirtyRuns, dirtyRun{key, turned})
		return nil
	}
	s := f.steps.edit(key)
	s.own, s.startedAt, s.endedAt, s.firstAt = string(l.Status), l.StartedAt, l.EndedAt, l.First
	s.attempt, s.contradictory, s.attempts = last, l.Contradictory, attemptsDocument(l)
	f.dirtySteps = append(f.dirtySteps, key)
	return nil
}

// lifeRows are facts to be written.
type lifeRows struct {
	n    int
	args [7]*array
}

func (l *lifeRows) add(f *fold, key int64, fact domain.Fact) {
	if l.n == 0 {
		for i, t := range [...]typ{tInt4, tInt8, tInt8, tText, tTime, tBytea, tInt4} {
			l.args[i] = &array{typ: t}
		}
	}
	l.n++
	phase, attempt := string(fact.Phase), int32(fact.Attempt)
	for i, p := range [...]any{&f.ws, &key, &f.revision, &phase, &fact.Order.At, &fact.Order.Digest, &attempt} {
		l.args[i].add(false, p)
	}
}

const insertLifeSQL = `
INSERT INTO read.life_facts (ws, execution, revision, phase, at, digest, attempt)
SELECT * FROM unnest($1::int4[], $2::int8[], $3::int8[], $4::text[], $5::timestamptz[], $6::bytea[], $7::int4[])`

func (l *lifeRows) flush(t *trip) {
	if l.n > 0 {
		t.tell(insertLifeSQL, l.args[:])
	}
}

const lifeFactsSQL = `
SELECT t.ws, t.execution, t.phase, t.at, t.digest, t.attempt, t.revision
FROM unnest($1::int4[], $2::int8[]) AS x (ws, execution) JOIN read.life_facts t ON t.ws = x.ws AND t.execution = x.execution
ORDER BY t.ws, t.execution, t.revision`

// takeLife reads a fact of an execution that was asked for.
func (f *fold) takeLife(v [][]byte) {
	var p place[int64]
	var phase string
	var fact domain.Fact
	var attempt int32
	var revision int64
	readValue(tInt4, nil, v[0], &p.ws)
	readValue(tInt8, nil, v[1], &p.key)
	readValue(tText, nil, v[2], &phase)
	readValue(tTime, nil, v[3], &fact.Order.At)
	readValue(tBytea, nil, v[4], &fact.Order.Digest)
	readValue(tInt4, nil, v[5], &attempt)
	readValue(tInt8, nil, v[6], &revision)
	fact.Phase, fact.Attempt, fact.Order.Rank = domain.Phase(phase), int(attempt), rankOf(domain.Phase(phase))
	if ex := f.executions[p]; ex != nil {
		ex.facts, ex.revisions = append(ex.facts, fact), append(ex.revisions, revision)
	}
}

// rankOf is the rank of a phase among facts at one instant.
func rankOf(p domain.Phase) int {
	r := domain.Recorded{Event: domain.RunReported{Phase: p}}
	return r.Order().Rank
}
