package fold

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
)

// The directions and states of promotions.
const (
	promotionSent     int16 = 0
	promotionReceived int16 = 1

	stateOpen     = "open"
	statePromoted = "promoted"
	stateRefused  = "refused"
	stateReceived = "received"
)

// A promotion is one row on each side, in each side's workspace: what the one knows of the other is evidence, which
// projections do not read.
type promotionRow struct {
	direction         int16
	version, artifact int64
	began             int64
	state, code       string
	other             string // evidence digest
	actor, reason     string
	at                time.Time
}

var promotionsTable = table[uuid.UUID, promotionRow]{
	name: "promotions", keys: 1,
	of: func(_ *uuid.UUID, r *promotionRow) int64 { return r.version },
	columns: []column{
		{name: "promotion", typ: tUUID}, {name: "direction", typ: tInt2}, {name: "version", typ: tInt8}, {name: "artifact", typ: tInt8}, {name: "began", typ: tInt8},
		{name: "state", typ: tText}, {name: "code", typ: tText, nullable: true}, {name: "other", typ: tBytea, nullable: true},
		{name: "actor", typ: tText}, {name: "reason", typ: tText, nullable: true}, {name: "at", typ: tTime},
	},
	bind: func(k *uuid.UUID, r *promotionRow, to []any) []any {
		return append(to, k, &r.direction, &r.version, &r.artifact, &r.began, &r.state, &r.code, &r.other, &r.actor, &r.reason, &r.at)
	},
}

// promotion makes the row of a promotion that the event at hand begins here.
func (f *fold) promotion(id uuid.UUID, direction int16, version, artifact int64, state string, other *domain.Text) {
	digest, _ := textOf(other)
	*f.promotions.edit(id) = promotionRow{
		direction: direction, version: version, artifact: artifact, began: f.revision, state: state, other: digest,
		actor: noNUL(f.e.Meta.Actor.Kind + ":" + f.e.Meta.Actor.ID), reason: f.reason(), at: instant(f.e.RecordedAt),
	}
}

// versionSent folds in that a version is to be promoted.
func (f *fold) versionSent(e domain.ArtifactVersionSent) error {
	v, err := f.referred(e.Version)
	if err != nil {
		return err
	}
	f.meantVersion = v.key
	if f.promotions.get(e.Promotion) == nil {
		f.promotion(e.Promotion, promotionSent, v.key, f.artifactKey(e.Version.Artifact), stateOpen, e.Plan)
	}
	return nil
}

// promotionEnded folds in what became of it. A refusal after the end changes nothing.
func (f *fold) promotionEnded(ref domain.VersionRef, id uuid.UUID, state string, code domain.Code) error {
	v, err := f.referred(ref)
	if err != nil {
		return err
	}
	f.meantVersion = v.key
	if p := f.promotions.get(id); p != nil && p.direction == promotionSent && p.state != statePromoted {
		row := f.promotions.edit(id)
		row.state, row.code = state, string(code)
	}
	return nil
}

// versionReceived folds in a version that came from another workspace. For reads it is like one that was written here and
// complete when it was received.
func (f *fold) versionReceived(e domain.ArtifactVersionReceived) error {
	if err := f.artifactSays(&e.IO); err != nil {
		return err
	}
	key := f.artifactKey(e.Artifact)
	c, s := f.class(f.canon(key)), slot{promotion: e.Promotion}
	v := c.slots[s]
	if v == nil {
		var err error
		if v, err = f.newVersion(c, s, key, domain.VersionRef{Promotion: e.Promotion}); err != nil {
			return err
		}
	}
	f.meantVersion = v.key
	c.change(f, v, func() {
		v.alive = true
		v.write.Name, v.write.Completed, v.write.Last = keyText(e.Version), f.order.At, f.order
	})
	f.show(v)
	f.detail(v.key, &e.IO)
	if f.promotions.get(e.Promotion) == nil {
		f.promotion(e.Promotion, promotionReceived, v.key, key, stateReceived, e.Origin)
	}
	return nil
}

// receivedBy is the version of a promotion, or a place for it.
func (f *fold) receivedBy(c *class, ref domain.VersionRef) (*version, error) {
	s := slot{promotion: ref.Promotion}
	if v := c.slots[s]; v != nil {
		return v, nil
	}
	return f.newVersion(c, s, f.artifactKey(ref.Artifact), domain.VersionRef{Promotion: ref.Promotion})
}

// receivedSQL reads versions by the promotion that they came with.
const receivedSQL = `SELECT %s FROM unnest($1::int4[], $2::uuid[]) AS x (ws, promotion) JOIN read.artifact_versions t ON t.ws = x.ws AND t.promotion = x.promotion`

// wantPromotion wants a promotion and the version that it is about.
func (f *fold) wantPromotion(w *wants, e *happening, id uuid.UUID, ref domain.VersionRef) {
	w.promotions.want(e.ws, id)
	w.received.want(e.ws, id)
	f.wantVersion(w, e, ref)
	if class := f.stored(ref.Artifact); class != 0 {
		w.outside.want(e.ws, class) // what reads mean that mean this one from now on
	}
}

// askPromotions queues the reading of what is wanted.
func (f *fold) askPromotions(w *wants) {
	f.promotions.load(&f.trip, w.promotions.take())
	list := w.received.take()
	if len(list) == 0 {
		return
	}
	ws, ids := &array{typ: tInt4}, &array{typ: tUUID}
	for i := range list {
		ws.add(false, &list[i].ws)
		ids.add(false, &list[i].key)
	}
	f.trip.ask(fmt.Sprintf(receivedSQL, f.versions.list()), []*array{ws, ids}, f.versions.take)
}
