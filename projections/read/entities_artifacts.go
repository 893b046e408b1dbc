package read

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
)

func (a *assembly) artifacts(ctx context.Context, keys []int64) error {
	rows, err := a.d.ArtifactsByKey(ctx, a.m, keys)
	if err != nil {
		return err
	}
	for _, x := range rows {
		if x.Deleted {
			continue
		}
		e := a.add(domain.KindArtifact, x.Key)
		e.word("namespace", x.Namespace)
		e.word("name", x.Name)
		e.word("type", x.Type)
		e.text("description", x.Description)
		e.word("lifecycle", x.Lifecycle)
		e.raw("fields", x.Schema)
		if x.Canonical != x.Key {
			e.ref("canonical", domain.KindArtifact, x.Canonical)
		}
	}
	keys = a.there(keys)
	if err := a.edges(ctx, keys); err != nil {
		return err
	}
	return a.attributes(ctx, keys)
}

const (
	sourcesOfSQL = `
SELECT target, source, pipeline FROM read.artifact_edges WHERE ws = $1 AND target = ANY($3) AND since <= $2
UNION ALL
SELECT target, source, pipeline FROM read.artifact_edges_was WHERE ws = $1 AND target = ANY($3) AND since <= $2 AND until > $2`
	columnsOfSQL = `
SELECT ` + columnEdgeColumns + ` FROM read.column_lineage WHERE ws = $1 AND target = ANY($3) AND since <= $2
UNION ALL
SELECT ` + columnEdgeColumns + ` FROM read.column_lineage_was WHERE ws = $1 AND target = ANY($3) AND since <= $2 AND until > $2`
)

// edges adds what artifacts were made from, whole and column by column.
func (a *assembly) edges(ctx context.Context, keys []int64) error {
	type edge struct{ target, source, pipeline int64 }
	edges, err := list(ctx, a.d, a.m, "read what artifacts were made from", sourcesOfSQL, func(row pgx.CollectableRow) (e edge, err error) {
		err = row.Scan(&e.target, &e.source, &e.pipeline)
		return e, err
	}, keys)
	if err != nil {
		return err
	}
	for _, x := range edges {
		a.all[x.target].Fields[FieldKey{Group: groupUpstream, Ref: x.source, By: x.pipeline}] = yes
	}
	columns, err := list(ctx, a.d, a.m, "read column lineage", columnsOfSQL, scanColumnEdge, keys)
	for _, c := range columns {
		how, _ := json.Marshal(struct { // texts and a bool
			Type    string `json:"type,omitempty"`
			Subtype string `json:"subtype,omitempty"`
			Masking bool   `json:"masking,omitempty"`
		}{c.Kind, c.Subtype, c.Masking})
		name := fmt.Sprintf("%s from %s", c.TargetField, c.SourceField)
		if c.Kind+c.Subtype != "" {
			name += " (" + c.Kind + " " + c.Subtype + ")"
		}
		a.all[c.Target].Fields[FieldKey{Group: groupColumns, Name: name, Ref: c.Source, By: c.Pipeline}] = FieldValue{JSON: how}
	}
	return err
}

func (a *assembly) versions(ctx context.Context, keys []int64) error {
	rows, err := a.d.VersionsByKey(ctx, a.m, keys)
	if err != nil {
		return err
	}
	details, err := a.d.VersionDetails(ctx, a.m, keys)
	if err != nil {
		return err
	}
	for _, v := range rows {
		if v.Deleted || !v.Exists {
			continue
		}
		e, d := a.add(domain.KindArtifactVersion, v.Key), details[v.Key]
		e.ref("artifact", domain.KindArtifact, v.Artifact)
		e.number("number", v.Number)
		e.word("name", v.Name)
		e.ref("producedBy", kindExecution, v.Producer)
		e.number("attempt", v.Attempt)
		e.choice("kind", v.Kind)
		e.choice("status", v.Outcome)
		e.time("completedAt", v.CompletedAt)
		e.word("type", d.Type)
		e.word("uri", d.URI)
		if d.SizeBytes != nil {
			e.put("", "sizeBytes", *d.SizeBytes)
		}
		e.word("digest", d.Digest)
		e.word("lifecycle", d.Lifecycle)
		e.raw("fields", d.Schema)
	}
	keys = a.there(keys)
	promotions, err := a.d.PromotionsOf(ctx, a.m, keys)
	if err != nil {
		return err
	}
	for key, list := range promotions {
		for _, p := range list {
			direction := "sent"
			if p.Received {
				direction = "received"
			}
			a.all[key].put(groupPromotions, p.ID.String(), struct {
				Direction string      `json:"direction"`
				State     string      `json:"state"`
				Code      domain.Code `json:"code,omitempty"`
			}{direction, p.State, p.Code})
		}
	}
	return a.attributes(ctx, keys)
}
