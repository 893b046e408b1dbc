package read

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"

	"github.com/annals-io/annals/domain"
)

// A Promotion is one side of a promotion at a moment: what its workspace knows.
type Promotion struct {
	ID       uuid.UUID
	Received bool // else it was sent
	Version  int64
	Began    domain.Revision // of the event that began it here
	Since    domain.Revision // of its last change
	State    string          // open, promoted, refused; received
	Code     domain.Code     // why it was refused
	Other    *domain.Text    // what this side knows of the other, in evidence
	Actor    domain.Actor
	Reason   string
	At       time.Time // when that was recorded
}

const promotionColumns = `r.promotion, r.direction = 1, r.version, r.began, r.since, r.state, r.code, r.other, r.actor, r.reason, r.at`

func scanPromotion(row pgx.CollectableRow) (p Promotion, err error) {
	var other []byte
	var actor string
	err = row.Scan(&p.ID, &p.Received, &p.Version, &p.Began, &p.Since, &p.State, (*zeronull.Text)(&p.Code), &other, &actor, (*zeronull.Text)(&p.Reason), &p.At)
	p.Actor.Kind, p.Actor.ID, _ = strings.Cut(actor, ":")
	if len(other) == len(domain.Digest{}) {
		p.Other = &domain.Text{Evidence: domain.Digest(other)}
	}
	return p, err
}

// fromPromotions are the promotions of which condition holds, as they are at the moment: k is their current row.
func fromPromotions(condition string) string {
	return ` FROM read.promotions k CROSS JOIN LATERAL (
	SELECT x.promotion, x.direction, x.version, x.began, x.since, x.state, x.code, x.other, x.actor, x.reason, x.at FROM read.promotions x
	WHERE x.ws = $1 AND x.promotion = k.promotion AND x.since <= $2
	UNION ALL
	SELECT x.promotion, x.direction, x.version, x.began, x.since, x.state, x.code, x.other, x.actor, x.reason, x.at FROM read.promotions_was x
	WHERE x.ws = $1 AND x.promotion = k.promotion AND x.since <= $2 AND x.until > $2) r
WHERE k.ws = $1 AND k.began <= $2 AND ` + condition
}

var promotionsOfSQL = `SELECT ` + promotionColumns + fromPromotions(`k.version = ANY($3)`) + ` ORDER BY r.began LIMIT $4`

// maxPromotions bounds the promotions of one version that are read.
const maxPromotions = 500

// PromotionsOf reads the promotions of versions, those that were sent and those they came with, the oldest first.
func (d *DB) PromotionsOf(ctx context.Context, m Moment, versions []int64) (map[int64][]Promotion, error) {
	found, err := list(ctx, d, m, "read promotions of versions", promotionsOfSQL, scanPromotion, versions, maxPromotions*len(versions))
	out := make(map[int64][]Promotion, len(versions))
	for _, p := range found {
		out[p.Version] = append(out[p.Version], p)
	}
	return out, err
}

// What an artifact received lies under any of the names that it had at the moment.
var promotionsIntoSQL = `SELECT ` + promotionColumns + fromPromotions(`k.direction = 1 AND k.artifact IN (
	SELECT n.key FROM read.artifacts n WHERE n.ws = $1 AND n.canonical = `+canonicalNow("$3")+` AND `+canonicalAt("n.key")+` = `+canonicalAt("$3")+`)`) + ` ORDER BY r.began DESC LIMIT $4`

// maxInto bounds the promotions into one artifact that are read.
const maxInto = 50

// PromotionsInto reads the promotions by which an artifact received versions, the newest first, at most 50.
func (d *DB) PromotionsInto(ctx context.Context, m Moment, artifact int64) ([]Promotion, error) {
	return list(ctx, d, m, "read promotions into an artifact", promotionsIntoSQL, scanPromotion, artifact, maxInto)
}

// Promotions reads a page of the promotions of the workspace, the newest first: those that were received, those that were
// sent, or both where received is nil.
func (d *DB) Promotions(ctx context.Context, m Moment, received *bool, p Page) (List[Promotion], error) {
	b := bindsOf(m)
	condition := "true"
	if received != nil {
		condition = "(k.direction = 1) = " + b.of(*received) + "::bool"
	}
	keyset, order := keyPage(p, &b, "k.began", true)
	text := `SELECT ` + promotionColumns + fromPromotions(condition+" AND "+keyset) + " ORDER BY " + order + " LIMIT " + b.of(p.limit()+1)
	rows, err := ask(ctx, d, m, "list promotions", text, b, scanPromotion)
	return pageOf(p, sortedByKey(rows, func(p Promotion) int64 { return int64(p.Began) })), err
}

// CountPromotions counts them; it stops at most + 1.
func (d *DB) CountPromotions(ctx context.Context, m Moment, received *bool, most int) (int, error) {
	b := bindsOf(m)
	condition := "true"
	if received != nil {
		condition = "(k.direction = 1) = " + b.of(*received) + "::bool"
	}
	return count(ctx, d, m, "count promotions", "SELECT"+fromPromotions(condition), b, most)
}

const receivedBySQL = `SELECT version FROM read.promotions WHERE ws = $1 AND promotion = $3 AND direction = 1 AND began <= $2`

// ReceivedBy is the version that came with a promotion; 0 where none did.
func (d *DB) ReceivedBy(ctx context.Context, m Moment, promotion uuid.UUID) (int64, error) {
	found, err := list(ctx, d, m, "find what was received", receivedBySQL, pgx.RowTo[int64], promotion)
	if err != nil || len(found) == 0 {
		return 0, err
	}
	return found[0], nil
}

// A Counterpart is the other side of a promotion.
type Counterpart struct {
	Workspace domain.Slug
	Version   int64
	Began     domain.Revision // there
}

const counterpartsSQL = `
SELECT o.promotion, w.slug, o.version, o.began FROM read.promotions o JOIN read.workspaces w ON w.ws = o.ws
WHERE o.promotion = ANY($3) AND o.ws <> $1 AND $2::bigint IS NOT NULL`

// Counterparts finds the other sides of promotions of the moment's workspace. Who is told of one must be allowed to see
// its workspace.
func (d *DB) Counterparts(ctx context.Context, m Moment, promotions []uuid.UUID) (map[uuid.UUID]Counterpart, error) {
	out := make(map[uuid.UUID]Counterpart, len(promotions))
	_, err := across(ctx, d, m, "find the other sides of promotions", counterpartsSQL, func(row pgx.CollectableRow) (id uuid.UUID, err error) {
		var c Counterpart
		err = row.Scan(&id, &c.Workspace, &c.Version, &c.Began)
		out[id] = c
		return id, err
	}, promotions)
	return out, err
}

// VersionRef is the natural name of a version, by which events name it.
func (d *DB) VersionRef(ctx context.Context, m Moment, v Version) (ref domain.VersionRef, err error) {
	named := v.NamedAs
	if named == 0 {
		named = v.Artifact
	}
	artifacts, err := d.ArtifactsByKey(ctx, m, []int64{named})
	if err != nil {
		return ref, err
	}
	if len(artifacts) == 0 {
		return ref, fmt.Errorf("version %d of %s is of artifact %d, which is not there", v.Key, m.Slug, named)
	}
	ref.Artifact = domain.Name{Namespace: artifacts[0].Namespace, Name: artifacts[0].Name}
	switch {
	case v.Promotion != uuid.Nil:
		ref.Promotion = v.Promotion
		return ref, nil
	case v.Producer == 0:
		ref.Name = v.Name
		return ref, nil
	}
	x, ok, err := d.ExecutionRef(ctx, m, v.Producer)
	if err == nil && !ok {
		err = fmt.Errorf("version %d of %s was made by execution %d, which is not there", v.Key, m.Slug, v.Producer)
	}
	ref.Producer, ref.Attempt = &x, v.Attempt
	return ref, err
}

// ExecutionRef is the natural name of a run or step; ok is false where there is none.
func (d *DB) ExecutionRef(ctx context.Context, m Moment, key int64) (x domain.Execution, ok bool, err error) {
	run := key
	steps, err := d.StepsByKey(ctx, m, []int64{key})
	if err != nil {
		return x, false, err
	}
	if len(steps) > 0 {
		x.Step, run = steps[0].Name, steps[0].Run
	}
	runs, err := d.RunsByKey(ctx, m, []int64{run})
	if err != nil || len(runs) == 0 {
		return x, false, err
	}
	x.Run.ID = runs[0].RunID
	if !runs[0].Foreign {
		return x, true, nil
	}
	pipelines, err := d.PipelinesByKey(ctx, m, []int64{runs[0].Pipeline})
	if err == nil && len(pipelines) > 0 {
		x.Run.Job = domain.Name{Namespace: pipelines[0].Namespace, Name: pipelines[0].Name}
	}
	return x, true, err
}
