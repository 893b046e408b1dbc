package projections

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

var _ eventstore.StateSource = (*Engine)(nil)

// newStates is the projection of decision states. It is apart from the read models: its own progress, its own lane,
// all streams and not only those of workspaces; an event that a read model cannot fold does not stop it. It may lag:
// a stale state costs the executor a longer tail, never a wrong decision, so its pages linger and share their writes.
func (e *Engine) newStates() *projection {
	return &projection{
		e: e, schema: "states", lanes: 1, numbers: newNumbers(e.Pool, numberStreams), sql: statementsIn("states"),
		name: func(s domain.Stream) (string, bool) { return string(s), true },
		fold: foldStates,
	}
}

const stateSQL = `
SELECT p.applied, s.state
FROM states.streams n
JOIN states.progress p ON p.ws = n.number
LEFT JOIN states.entity_states s ON s.ws = n.number AND s.entity = $2
WHERE n.stream = $1`

// State is the stored decision state of an entity: what its facts up to the revision asOf make of it. See
// [eventstore.StateSource].
func (e *Engine) State(ctx context.Context, stream domain.Stream, entity domain.Entity) (*domain.State, domain.Revision, bool, error) {
	var asOf domain.Revision
	var data []byte
	err := e.Pool.QueryRow(ctx, stateSQL, stream, entity.ID).Scan(&asOf, &data)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, domain.NoRevision, false, nil
	}
	if err != nil {
		return nil, domain.NoRevision, false, fmt.Errorf("read the decision state of %s %s: %w", entity.Kind, entity.ID, err)
	}
	if data == nil {
		return nil, asOf, true, nil
	}
	state := new(domain.State)
	if err := json.Unmarshal(data, state); err != nil {
		return nil, domain.NoRevision, false, fmt.Errorf("decode the decision state of %s %s: %w", entity.Kind, entity.ID, err)
	}
	return state, asOf, true, nil
}

const (
	loadStatesSQL = `
SELECT s.ws, s.entity, s.state
FROM unnest($1::int[], $2::uuid[]) w (ws, entity)
JOIN states.entity_states s ON s.ws = w.ws AND s.entity = w.entity`
	saveStatesSQL = `
INSERT INTO states.entity_states AS s (ws, entity, kind, state, revision)
SELECT * FROM unnest($1::int[], $2::uuid[], $3::text[], $4::bytea[], $5::bigint[])
ON CONFLICT (ws, entity) DO UPDATE SET state = excluded.state, revision = excluded.revision`
)

// An entityAt is an entity of a numbered stream.
type entityAt struct {
	number int32
	id     uuid.UUID
}

// foldStates applies the facts of a page to the states of their subjects: one row for each entity of the page.
func foldStates(ctx context.Context, tx pgx.Tx, parts []part) error {
	states := map[entityAt]*domain.State{}
	kinds := map[entityAt]domain.Kind{}
	for _, p := range parts {
		for i := range p.events {
			at := entityAt{p.number, p.events[i].Subject.ID}
			kinds[at] = p.events[i].Subject.Kind
		}
	}
	if err := loadStates(ctx, tx, kinds, states); err != nil {
		return err
	}
	for _, p := range parts {
		for i := range p.events {
			r := &p.events[i]
			at := entityAt{p.number, r.Subject.ID}
			if states[at] == nil {
				states[at] = &domain.State{Changed: domain.NoRevision}
			}
			if err := states[at].Apply(r); err != nil {
				return &stateError{r.Revision, fmt.Errorf("apply %s at revision %d of %s: %w", r.Type, r.Revision, p.stream, err)}
			}
		}
	}
	return saveStates(ctx, tx, kinds, states)
}

// A stateError blames an event.
type stateError struct {
	revision domain.Revision
	cause    error
}

func (e *stateError) Error() string { return e.cause.Error() }
func (e *stateError) Unwrap() error { return e.cause }

func loadStates(ctx context.Context, tx pgx.Tx, wanted map[entityAt]domain.Kind, into map[entityAt]*domain.State) error {
	numbers, ids := make([]int32, 0, len(wanted)), make([]uuid.UUID, 0, len(wanted))
	for at := range wanted {
		numbers, ids = append(numbers, at.number), append(ids, at.id)
	}
	rows, _ := tx.Query(ctx, loadStatesSQL, numbers, ids)
	var at entityAt
	var data []byte
	_, err := pgx.ForEachRow(rows, []any{&at.number, &at.id, &data}, func() error {
		s := new(domain.State)
		if err := json.Unmarshal(data, s); err != nil {
			return fmt.Errorf("decode the state of %s: %w", at.id, err)
		}
		into[at] = s
		return nil
	})
	if err != nil {
		return fmt.Errorf("load %d decision states: %w", len(wanted), err)
	}
	return nil
}

func saveStates(ctx context.Context, tx pgx.Tx, kinds map[entityAt]domain.Kind, states map[entityAt]*domain.State) error {
	order := make([]entityAt, 0, len(states))
	for at := range states {
		order = append(order, at)
	}
	slices.SortFunc(order, func(a, b entityAt) int { // rows that lie together are written together
		return cmp.Or(cmp.Compare(a.number, b.number), slices.Compare(a.id[:], b.id[:]))
	})
	n := len(order)
	numbers, ids, kindOf := make([]int32, n), make([]uuid.UUID, n), make([]string, n)
	data, revisions := make([][]byte, n), make([]int64, n)
	for i, at := range order {
		encoded, err := json.Marshal(states[at])
		if err != nil {
			return fmt.Errorf("encode the state of %s: %w", at.id, err)
		}
		numbers[i], ids[i], kindOf[i] = at.number, at.id, string(kinds[at])
		data[i], revisions[i] = encoded, int64(states[at].Changed)
	}
	if _, err := tx.Exec(ctx, saveStatesSQL, numbers, ids, kindOf, data, revisions); err != nil {
		return fmt.Errorf("save %d decision states: %w", n, err)
	}
	return nil
}
