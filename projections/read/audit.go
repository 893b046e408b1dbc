package read

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// An AuditEntry is what the index of a workspace's history holds of one event; the event itself lies in the log.
type AuditEntry struct {
	Revision      domain.Revision
	Type          string
	Kind          domain.Kind // of the subject
	Subject       int64       // 0: it has no key
	Actor         domain.Actor
	OccurredAt    time.Time
	RecordedAt    time.Time
	CorrelationID string
	CommandID     string // of the command that made it; "": it came without one
}

// An AuditQuery asks for events. All conditions hold together; zero fields ask nothing.
type AuditQuery struct {
	Types, ExcludeTypes []string // "run.*" means all types that begin with "run."
	Kinds               []domain.Kind
	Subject             *Node
	Actor               string // the id that events record, of who acted or of their key
	CorrelationID       string
	CommandID           string           // of the command that made them
	From, To            *domain.Revision // both inclusive
	After, Before       time.Time        // recorded; After means at or after
	Ascending           bool             // oldest first
	Page                Page
}

const auditColumns = `revision, type, kind, subject, actor_kind, actor_id, occurred_at, recorded_at, correlation, command, actor_key`

func scanAuditEntry(row pgx.CollectableRow) (AuditEntry, error) {
	var e AuditEntry
	err := row.Scan(&e.Revision, &e.Type, &e.Kind, (*zeronull.Int8)(&e.Subject), &e.Actor.Kind, &e.Actor.ID, &e.OccurredAt, &e.RecordedAt, (*zeronull.Text)(&e.CorrelationID), (*zeronull.Text)(&e.CommandID), (*zeronull.Text)(&e.Actor.Key))
	return e, err
}

// oneType is the condition that an event is of one of the types.
func oneType(b *binds, types []string) string {
	var exact []string
	any := []string{}
	for _, t := range types {
		if prefix, ok := strings.CutSuffix(t, "*"); ok {
			any = append(any, "starts_with(type, "+b.of(prefix)+")")
			continue
		}
		exact = append(exact, t)
	}
	if len(exact) > 0 {
		any = append(any, "type = ANY("+b.of(exact)+")")
	}
	return "(" + strings.Join(any, " OR ") + ")"
}

func (q AuditQuery) from(ctx context.Context, d *DB, m Moment, b *binds) (string, error) {
	first, last := domain.Revision(0), m.Revision
	if q.From != nil {
		first = max(first, *q.From)
	}
	if q.To != nil {
		last = min(last, *q.To)
	}
	if !q.After.IsZero() {
		n, err := d.RevisionAt(ctx, m, q.After.Add(-time.Microsecond))
		if err != nil {
			return "", err
		}
		first = max(first, n+1)
	}
	if !q.Before.IsZero() {
		n, err := d.RevisionAt(ctx, m, q.Before.Add(-time.Microsecond))
		if err != nil {
			return "", err
		}
		last = min(last, n)
	}
	all := []string{"ws = $1", "revision <= $2", "revision >= " + b.of(first), "revision <= " + b.of(last)}
	if len(q.Types) > 0 {
		all = append(all, oneType(b, q.Types))
	}
	if len(q.ExcludeTypes) > 0 {
		all = append(all, "NOT "+oneType(b, q.ExcludeTypes))
	}
	if len(q.Kinds) > 0 {
		all = append(all, "kind = ANY("+b.of(q.Kinds)+")")
	}
	if q.Subject != nil {
		all = append(all, "subject = "+b.of(q.Subject.Key))
		if q.Subject.Kind != "" {
			all = append(all, "kind = "+b.of(q.Subject.Kind))
		}
	}
	if q.Actor != "" {
		all = append(all, "(actor_id = "+b.of(q.Actor)+" OR actor_key = "+b.of(q.Actor)+")")
	}
	if q.CorrelationID != "" {
		all = append(all, "correlation = "+b.of(q.CorrelationID))
	}
	if q.CommandID != "" {
		id := b.of(q.CommandID) // ids are long and come in no order: the index holds a hash
		all = append(all, "command = "+id, "command_hash = hashtextextended("+id+", 0)")
	}
	return " FROM read.audit_entries WHERE " + strings.Join(all, " AND "), nil
}

// Audit reads a page of a workspace's history up to the moment, newest first unless asked otherwise. The key of a
// mark is the revision.
func (d *DB) Audit(ctx context.Context, m Moment, q AuditQuery) (List[AuditEntry], error) {
	b := bindsOf(m)
	from, err := q.from(ctx, d, m, &b)
	if err != nil {
		return List[AuditEntry]{}, err
	}
	keyset, order := keyPage(q.Page, &b, "revision", !q.Ascending)
	rows, err := ask(ctx, d, m, "list events", `SELECT `+auditColumns+from+" AND "+keyset+" ORDER BY "+order+" LIMIT "+strconv.Itoa(q.Page.limit()+1), b, scanAuditEntry)
	return pageOf(q.Page, sortedByKey(rows, func(e AuditEntry) int64 { return int64(e.Revision) })), err
}

// CountAudit counts the events that fit; it stops at most + 1.
func (d *DB) CountAudit(ctx context.Context, m Moment, q AuditQuery, most int) (int, error) {
	b := bindsOf(m)
	from, err := q.from(ctx, d, m, &b)
	if err != nil {
		return 0, err
	}
	return count(ctx, d, m, "count events", "SELECT"+from, b, most)
}

const deletionsSQL = `
SELECT ` + auditColumns + ` FROM (
	SELECT *, row_number() OVER (PARTITION BY subject ORDER BY revision DESC) AS nth FROM read.audit_entries
	WHERE ws = $1 AND revision <= $2 AND subject = ANY($3) AND type = ANY(ARRAY[
		'run.deleted', 'step.deleted', 'pipeline.deleted', 'artifact.deleted', 'artifact_version.deleted'])) e
WHERE nth = 1`

// Deletions reads the events that deleted things, by key of the thing, of each the last one.
func (d *DB) Deletions(ctx context.Context, m Moment, keys []int64) (map[int64]AuditEntry, error) {
	found, err := list(ctx, d, m, "find who deleted", deletionsSQL, scanAuditEntry, keys)
	return byKey(found, func(e AuditEntry) int64 { return e.Subject }), err
}
