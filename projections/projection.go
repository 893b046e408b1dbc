package projections

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
)

// maxLanes bounds the lanes, so that a row of the table lanes can name both a lane and how many there are.
const maxLanes = 999

// A projection is one thing that the log is projected into: a read model, or the decision states. Its schema holds
// the three tables progress, lanes and parked, of the same columns in both.
type projection struct {
	e       *Engine
	schema  string
	lanes   int
	numbers *numbers
	// name is the name under which a stream is numbered; ok is false where the stream is not projected here.
	name func(domain.Stream) (name string, ok bool)
	fold foldFunc
	sql  statements
}

// A foldFunc changes rows by the events of the parts, in a transaction.
type foldFunc func(ctx context.Context, tx pgx.Tx, parts []part) error

// A part is what a page holds of one stream: some of its events, in order, without gaps.
type part struct {
	number int32
	name   string
	stream domain.Stream
	events []domain.Recorded
}

func (p *part) first() domain.Revision { return p.events[0].Revision }
func (p *part) last() domain.Revision  { return p.events[len(p.events)-1].Revision }

// newModel is the projection into a read model.
func (e *Engine) newModel(schema string) *projection {
	p := &projection{
		e: e, schema: schema, lanes: e.Lanes, numbers: e.slugs, sql: statementsIn(schema),
		name: scopeOf,
	}
	p.fold = func(ctx context.Context, tx pgx.Tx, parts []part) error { return e.fold.apply(ctx, tx, schema, parts) }
	return p
}

// A panicError is a panic of the folding code: the event that caused it is as poisonous as one it refused.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("folding panicked: %v", e.value) }

// folded folds parts, and answers a panic as an error.
func (p *projection) folded(ctx context.Context, tx pgx.Tx, parts []part) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{v, debug.Stack()}
			p.e.Log.Error("folding panicked", "model", p.schema, "panic", v, "stack", string(err.(*panicError).stack))
		}
	}()
	return p.fold(ctx, tx, parts)
}

// statements are the statements about progress, in one schema.
type statements struct {
	begin, lock, move, place, from, places, seed, park, pause, resume, unpark, standing string
}

func statementsIn(schema string) statements {
	in := func(sql string) string { return inSchema(sql, schema) }
	return statements{
		begin: in(beginSQL), lock: in(lockSQL), move: in(moveSQL), place: in(placeSQL), from: in(fromSQL), places: in(placesSQL), seed: in(seedSQL),
		park: in(parkSQL), pause: in(pauseSQL), resume: in(resumeSQL), unpark: in(unparkSQL), standing: in(standingSQL),
	}
}

const (
	// By place, not by name: the second column is the slug in a read model and the stream in the decision states.
	beginSQL = `INSERT INTO read.progress SELECT n.number, n.name, -1 FROM unnest($1::int[], $2::text[]) n (number, name) ORDER BY 1 ON CONFLICT DO NOTHING`
	// In the order of their numbers, so that two transactions never wait for each other.
	lockSQL = `SELECT ws, applied, state = 'paused' FROM read.progress WHERE ws = ANY($1) ORDER BY ws FOR UPDATE`
	moveSQL = `
UPDATE read.progress p SET applied = m.now
FROM unnest($1::int[], $2::bigint[], $3::bigint[]) m (ws, was, now)
WHERE p.ws = m.ws AND p.applied = m.was`
	placeSQL = `
UPDATE read.lanes SET commit_pos = $4, prepare_pos = $5
WHERE lane = $1 AND commit_pos = $2 AND prepare_pos = $3`
	// A lane is named by how many there are and which it is. Positions of another number of lanes hold for these
	// too, as far as all of those lanes have come.
	fromSQL = `
SELECT commit_pos::text, prepare_pos::text FROM (
    SELECT commit_pos, prepare_pos FROM read.lanes WHERE lane = $1
    UNION ALL
    (SELECT DISTINCT ON (l.lane / 1000) l.commit_pos, l.prepare_pos
     FROM read.lanes l
     WHERE (SELECT count(*) FROM read.lanes o WHERE o.lane / 1000 = l.lane / 1000) = l.lane / 1000
     ORDER BY l.lane / 1000, l.commit_pos, l.prepare_pos)
) p ORDER BY p.commit_pos DESC, p.prepare_pos DESC LIMIT 1`
	placesSQL = `SELECT lane, commit_pos::text, prepare_pos::text FROM read.lanes WHERE lane / 1000 = $1`
	seedSQL   = `
INSERT INTO read.lanes AS l (lane, commit_pos, prepare_pos) VALUES ($1, $2, $3)
ON CONFLICT (lane) DO UPDATE SET commit_pos = excluded.commit_pos, prepare_pos = excluded.prepare_pos`
	parkSQL = `
INSERT INTO read.parked AS p (ws, revision, error) VALUES ($1, $2, $3)
ON CONFLICT (ws, revision) DO UPDATE SET error = excluded.error, tries = p.tries + 1, parked_at = now()`
	pauseSQL  = `UPDATE read.progress SET state = 'paused', reason = $2, changed_at = now() WHERE ws = $1 AND applied < $3`
	resumeSQL = `UPDATE read.progress SET state = 'live', reason = NULL, changed_at = now() WHERE ws = $1`
	unparkSQL = `DELETE FROM read.parked WHERE ws = $1`
)
