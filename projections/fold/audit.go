package fold

import (
	"github.com/annals-io/annals/domain"
)

// auditRows are one row for each event: who did what to what, and when.
type auditRows struct {
	n                                int
	ws, revisions, names, kinds      *array
	subjects, actorKinds, actorIDs   *array
	occurred, recorded, correlations *array
	commands, actorKeys              *array
}

// note adds the row of the event at hand.
func (f *fold) note() {
	a := &f.audit
	if a.n == 0 && f.fill == nil {
		a.ws, a.revisions, a.names, a.kinds = &array{typ: tInt4}, &array{typ: tInt8}, &array{typ: tText}, &array{typ: tText}
		a.subjects, a.actorKinds, a.actorIDs = &array{typ: tInt8}, &array{typ: tText}, &array{typ: tText}
		a.occurred, a.recorded, a.correlations = &array{typ: tTime}, &array{typ: tTime}, &array{typ: tText}
		a.commands, a.actorKeys = &array{typ: tText}, &array{typ: tText}
	}
	typ := f.e.Type
	if typ == "" {
		typ = f.e.Event.EventType()
	}
	subject := f.about
	kind, key := string(subject.Kind), f.key(subject)
	if subject.Kind == domain.KindArtifactVersion {
		key = f.lineage.meantVersion
	}
	occurred, recorded := instant(f.e.OccurredAt), instant(f.e.RecordedAt)
	if f.fill != nil {
		s := f.fill.audit
		s.begin(12)
		s.add(tInt4, false, &f.ws)
		s.add(tInt8, false, &f.revision)
		s.add(tText, false, &typ)
		s.add(tText, false, &kind)
		s.add(tInt8, true, &key)
		s.add(tText, false, &f.e.Meta.Actor.Kind)
		s.add(tText, false, &f.e.Meta.Actor.ID)
		s.add(tTime, false, &occurred)
		s.add(tTime, false, &recorded)
		s.add(tText, true, &f.e.Meta.CorrelationID)
		s.add(tText, true, &f.e.Meta.CommandID)
		s.add(tText, true, &f.e.Meta.Actor.Key)
		return
	}
	a.n++
	a.ws.add(false, &f.ws)
	a.revisions.add(false, &f.revision)
	a.names.add(false, &typ)
	a.kinds.add(false, &kind)
	a.subjects.add(true, &key)
	a.actorKinds.add(false, &f.e.Meta.Actor.Kind)
	a.actorIDs.add(false, &f.e.Meta.Actor.ID)
	a.occurred.add(false, &occurred)
	a.recorded.add(false, &recorded)
	a.correlations.add(true, &f.e.Meta.CorrelationID)
	a.commands.add(true, &f.e.Meta.CommandID)
	a.actorKeys.add(true, &f.e.Meta.Actor.Key)
}

const (
	auditColumns   = "ws, revision, type, kind, subject, actor_kind, actor_id, occurred_at, recorded_at, correlation, command, actor_key"
	insertAuditSQL = `
INSERT INTO read.audit_entries (` + auditColumns + `)
SELECT * FROM unnest($1::int4[], $2::int8[], $3::text[], $4::text[], $5::int8[], $6::text[], $7::text[], $8::timestamptz[], $9::timestamptz[], $10::text[], $11::text[], $12::text[])`
)

func (a *auditRows) flush(t *trip) {
	if a.n > 0 {
		t.add("audit_entries", auditColumns, insertAuditSQL,
			[]*array{a.ws, a.revisions, a.names, a.kinds, a.subjects, a.actorKinds, a.actorIDs, a.occurred, a.recorded, a.correlations, a.commands, a.actorKeys})
	}
	a.n = 0
}
