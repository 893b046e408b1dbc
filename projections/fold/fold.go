package fold

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
)

// plansSQL sets the planner for the rest of the transaction, and says how large the model is. Every statement here
// finds rows by index from a list of keys, so that one plan serves all lists; but a plan that was made while a table
// was all but empty may search an index by workspace alone. So plans are made again whenever the model has grown to
// four times its size. And whether policies hold this role: COPY is refused to it then, and all rows are inserted.
const plansSQL = `
SELECT pg_relation_size('read.audit_entries'), row_security_active('read.audit_entries'), set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
    set_config('enable_mergejoin', 'off', true), set_config('plan_cache_mode', 'force_generic_plan', true), set_config('jit', 'off', true)`

// Apply changes the rows of one model by the events of the pages, inside tx. The workspaces of the pages differ. An
// *EventError names the event that cannot be folded; other errors are of the database or of evidence.
func Apply(ctx context.Context, tx pgx.Tx, schema string, pages []Page, ev Evidence) error {
	f := newFold()
	f.turn(tx, schema, pages)
	return f.run(ctx, ev)
}

func (f *fold) run(ctx context.Context, ev Evidence) error {
	if len(f.events) == 0 {
		return nil
	}
	if err := f.load(ctx, ev); err != nil {
		return err
	}
	for i := range f.events {
		if err := f.apply(&f.events[i]); err != nil {
			return &EventError{f.events[i].ws, f.events[i].Revision, err}
		}
	}
	if err := f.settleEdges(ctx); err != nil {
		return err
	}
	return f.flush(ctx)
}

// A fold is the work of one Apply.
type fold struct {
	clock
	trip   trip
	first  map[int32]int64 // of a workspace: everything that the pages name first has a key above
	age    newness
	worth  int      // rows that go by COPY; 0: worthCopy
	fill   *filling // where the rows of a Filler go; nil: there is none, and rows are asked for
	pages  []Page
	events []happening

	e       *happening    // the event at hand
	about   domain.Entity // its subject
	order   domain.Order
	ordinal int
	bulky   map[domain.Digest]body

	most         int                                // reads that one version may stir; 0: all, else the fold is broken on purpose
	ioOrdinal    int32                              // of the event at hand
	members      map[place[int64]][]int64           // of a class: the artifacts
	declaredAt   map[place[int64]][]declaredKey     // of a pipeline: its rows, and some that are gone
	declarations map[place[int64]][]artifactEdgeKey // of a pipeline: what it supports by declaration

	ids    map[place[uuid.UUID]]int64
	newIDs []identity

	workspaces       table[workspaceKey, workspaceRow]
	pipelines        table[int64, pipelineRow]
	pipelineVersions table[int64, pipelineVersionRow]
	runs             table[int64, runRow]
	runDetails       table[int64, runDetailsRow]
	left             table[leftKey, struct{}]
	steps            table[int64, stepRow]
	attributes       table[attributeKey, attributeRow]
	metrics          table[metricKey, metricRow]
	artifacts        table[int64, artifactRow]
	aliases          table[aliasKey, aliasRow]
	versions         table[int64, versionRow]
	versionDetails   table[int64, versionDetailsRow]
	edges            table[edgeKey, edgeRow]
	artifactEdges    table[artifactEdgeKey, artifactEdgeRow]
	columnLineage    table[columnKey, columnRow]
	declared         table[declaredKey, declaredRow]
	lastSaid         table[lastSaidKey, lastSaidRow]
	ownColumns       table[ownKey, ownRow]
	reads            table[readKey, readRow]
	counters         table[counterKey, counterRow]
	totals           table[workspaceKey, totalsRow]
	promotions       table[uuid.UUID, promotionRow]
	audit            auditRows
	changed          changeRows
	words            wordRows
	lifeFacts        lifeRows
	ioFacts          ioRows

	thinned thinned

	derived derived
	families
	lineage
	columnWords
	people
}

func newFold() *fold {
	f := &fold{ids: map[place[uuid.UUID]]int64{}, age: newness{}}
	f.workspaces, f.pipelines, f.pipelineVersions = workspacesTable, pipelinesTable, pipelineVersionsTable
	f.runs, f.runDetails, f.left, f.steps = runsTable, runDetailsTable, leftTable, stepsTable
	f.attributes, f.metrics = attributesTable, metricsTable
	f.artifacts, f.aliases, f.versions, f.versionDetails = artifactsTable, aliasesTable, versionsTable, versionDetailsTable
	f.edges, f.artifactEdges, f.columnLineage = edgesTable, artifactEdgesTable, columnLineageTable
	f.declared, f.lastSaid, f.ownColumns, f.reads, f.counters = declaredTable, lastSaidTable, ownColumnsTable, readsTable, countersTable
	f.totals = totalsTable
	f.promotions = promotionsTable
	f.people = newPeople()
	f.clock.changes = &f.changed
	for _, t := range f.tables() {
		t.init(&f.clock, f.age)
	}
	f.members, f.declarations = map[place[int64]][]int64{}, map[place[int64]][]artifactEdgeKey{}
	f.declaredAt = map[place[int64]][]declaredKey{}
	f.families.init()
	f.lineage.init()
	f.columnWords.init()
	return f
}

// turn begins with pages, inside tx.
func (f *fold) turn(tx pgx.Tx, schema string, pages []Page) {
	f.trip = trip{conn: tx.Conn(), schema: pgx.Identifier{schema}.Sanitize() + ".", worth: cmp.Or(f.worth, worthCopy)}
	f.pages, f.events, f.first = pages, nil, make(map[int32]int64, len(pages))
	clear(f.age)
	for _, p := range pages {
		if len(p.Events) == 0 {
			continue
		}
		f.first[p.Number] = int64(p.Events[0].Revision) * domain.MaxNames
		f.age[p.Number] = f.first[p.Number]
	}
	f.listen()
}

// apply folds one event.
func (f *fold) apply(e *happening) error {
	if e.Event == nil {
		return fmt.Errorf("%s version %d: %w", e.Type, e.Version, domain.ErrUnknownEvent)
	}
	f.ws, f.revision = e.ws, int64(e.Revision)
	f.e, f.order, f.ordinal, f.ioOrdinal, f.meantVersion = e, e.order, 0, 0, 0
	if err := f.nameAll(e.names); err != nil {
		return err
	}
	if err := f.change(e.Event); err != nil {
		return err
	}
	f.about = f.derived.subject(e.Event)
	f.warn(f.about)
	if err := f.settleLineage(); err != nil {
		return err
	}
	if err := f.settleColumns(); err != nil {
		return err
	}
	f.settleLives()
	f.note()
	for _, t := range f.tables() {
		t.settle()
	}
	f.settleTotals()
	return nil
}

// flush writes all rows in one round trip.
func (f *fold) flush(ctx context.Context) error {
	f.flushNames(&f.trip)
	f.moveGuests(&f.trip)
	for _, t := range f.tables() {
		t.flush(&f.trip)
	}
	f.audit.flush(&f.trip)
	f.changed.flush(&f.trip)
	f.words.flush(&f.trip, f.first)
	f.lifeFacts.flush(&f.trip)
	f.ioFacts.flush(&f.trip)
	f.thinned.flush(&f.trip)
	f.flushSays(&f.trip)
	return f.trip.run(ctx)
}

// unique sorts places and drops the repeated ones.
func unique(ps []place[int64]) []place[int64] {
	slices.SortFunc(ps, func(a, b place[int64]) int {
		if a.ws != b.ws {
			return int(a.ws - b.ws)
		}
		switch {
		case a.key < b.key:
			return -1
		case a.key > b.key:
			return 1
		}
		return 0
	})
	return slices.Compact(ps)
}
