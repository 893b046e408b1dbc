package read

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/annals-io/annals/domain"
	"github.com/jackc/pgx/v5"
)

// Below, things are read with everything that belongs to them: one statement a table, whatever the number of things.

// everyUse is how many inputs, or outputs, of one execution are compared.
const everyUse = 100_000

// An assembly is things being put together at one moment.
type assembly struct {
	d           *DB
	m           Moment
	all         map[int64]*Entity
	invitations bool // are fields of the workspace, too
}

// Entities reads the things that are there at the moment, with all their fields, by key: those that were named by then
// and not deleted. The workspace itself has key 0.
func (d *DB) Entities(ctx context.Context, m Moment, nodes []Node) (map[int64]*Entity, error) {
	return d.entities(ctx, m, nodes, false)
}

func (d *DB) entities(ctx context.Context, m Moment, nodes []Node, invitations bool) (map[int64]*Entity, error) {
	a := assembly{d: d, m: m, all: make(map[int64]*Entity, len(nodes)), invitations: invitations}
	keys := map[domain.Kind][]int64{}
	for _, n := range nodes {
		keys[n.Kind] = append(keys[n.Kind], n.Key)
	}
	for kind, read := range map[domain.Kind]func(context.Context, []int64) error{
		domain.KindWorkspace: a.workspace, domain.KindPipeline: a.pipelines, domain.KindPipelineVersion: a.pipelineVersions, domain.KindRun: a.runs,
		domain.KindStep: a.steps, domain.KindArtifact: a.artifacts, domain.KindArtifactVersion: a.versions,
	} {
		if len(keys[kind]) == 0 {
			continue
		}
		if err := read(ctx, keys[kind]); err != nil {
			return nil, err
		}
	}
	return a.all, nil
}

func (a *assembly) add(kind domain.Kind, key int64) *Entity {
	e := newEntity(kind, key)
	a.all[key] = e
	return e
}

// there are the keys of which things were found.
func (a *assembly) there(keys []int64) []int64 {
	var out []int64
	for _, k := range keys {
		if a.all[k] != nil {
			out = append(out, k)
		}
	}
	return out
}

func (a *assembly) workspace(ctx context.Context, _ []int64) error {
	w, ok, err := a.d.Workspace(ctx, a.m)
	if err != nil || !ok || w.Deleted {
		return err
	}
	e := a.add(domain.KindWorkspace, 0)
	e.word("name", w.Name)
	e.word("organization", string(w.Organization))
	e.text("description", w.Description)
	e.put("", "archived", w.Archived)
	e.put("", "hidesCounts", w.HidesCounts)
	e.choice("kind", string(w.Kind))
	e.choice("environment", string(w.Environment))
	e.choice("sensitivity", string(w.Sensitivity))
	e.word("team", w.Team)
	for k, v := range w.Labels {
		e.put(groupLabels, k, v)
	}
	members, roles, err := a.d.rosterRows(ctx, a.m)
	if err != nil {
		return fmt.Errorf("read the roster of %s: %w", a.m.Slug, err)
	}
	for _, m := range members {
		e.put(groupMembers, m.Grantee, struct {
			Roles     []string `json:"roles"`
			Suspended bool     `json:"suspended,omitempty"`
		}{m.Roles, m.Suspended})
	}
	for _, r := range roles {
		e.put(groupRoles, r.Name, r.Permissions)
		if r.Description != nil {
			e.Fields[FieldKey{Group: groupRoles, Name: r.Name + " description"}] = FieldValue{Text: r.Description}
		}
	}
	return a.invited(ctx, e)
}

func (a *assembly) pipelines(ctx context.Context, keys []int64) error {
	rows, err := a.d.PipelinesByKey(ctx, a.m, keys)
	if err != nil {
		return err
	}
	for _, p := range rows {
		if p.Deleted {
			continue
		}
		e := a.add(domain.KindPipeline, p.Key)
		e.word("namespace", p.Namespace)
		e.word("name", p.Name)
		e.text("description", p.Description)
		e.raw("codeReference", p.Code)
		var job domain.JobInfo
		if len(p.Job) > 0 {
			if err := json.Unmarshal(p.Job, &job); err != nil {
				return fmt.Errorf("read what is said of pipeline %d: %w", p.Key, err)
			}
		}
		e.word("type", job.Type)
		e.word("integration", job.Integration)
		e.word("processing", job.Processing)
		e.text("sql", job.SQL)
		e.text("source", job.Source)
		e.text("ownership", job.Ownership)
	}
	keys = a.there(keys)
	declared, err := a.d.DeclaredIO(ctx, a.m, keys)
	if err != nil {
		return err
	}
	for key, io := range declared {
		for group, list := range map[string][]int64{groupInputs: io.Inputs, groupOutputs: io.Outputs} {
			for _, artifact := range list {
				a.all[key].Fields[FieldKey{Group: group, Ref: artifact}] = yes
			}
		}
	}
	return a.attributes(ctx, keys)
}

func (a *assembly) attributes(ctx context.Context, keys []int64) error {
	found, err := a.d.Attributes(ctx, a.m, keys, Parameters, Metadata, Tags)
	for key, list := range found {
		a.all[key].attributes(list)
	}
	return err
}

func (a *assembly) pipelineVersions(ctx context.Context, keys []int64) error {
	rows, err := a.d.PipelineVersionsByKey(ctx, a.m, keys)
	for _, v := range rows {
		e := a.add(domain.KindPipelineVersion, v.Key)
		e.ref("pipeline", domain.KindPipeline, v.Pipeline)
		e.number("number", v.Number)
		e.word("label", v.Label)
		e.word("specHash", v.Hash)
		e.raw("codeReference", v.Code)
		e.text("source", v.Source)
	}
	return err
}

func (a *assembly) runs(ctx context.Context, keys []int64) error {
	rows, err := a.d.RunsByKey(ctx, a.m, keys)
	if err != nil {
		return err
	}
	details, err := a.d.RunDetails(ctx, a.m, keys)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if r.Deleted {
			continue
		}
		e, d := a.add(domain.KindRun, r.Key), details[r.Key]
		e.word("runId", r.RunID)
		e.ref("pipeline", domain.KindPipeline, r.Pipeline)
		e.number("number", r.Number)
		e.choice("status", string(r.Status))
		e.time("startedAt", r.StartedAt)
		e.time("endedAt", r.EndedAt)
		e.number("attempt", r.Attempt)
		e.put("", "contradictory", r.Contradictory)
		e.put("", "streaming", r.Streaming)
		e.ref("parent", domain.KindRun, r.Parent)
		e.ref("root", domain.KindRun, r.Root)
		e.word("name", d.Name)
		e.ref("pipelineVersion", domain.KindPipelineVersion, d.Version)
		e.word("versionLabel", d.VersionLabel)
		e.raw("codeReference", d.Code)
		e.raw("orchestrator", d.Orchestrator)
		e.words("warnings", r.Odd(d))
		all, err := r.AllAttempts()
		if err == nil {
			err = e.tries(all, r.Failure)
		}
		if err != nil {
			return fmt.Errorf("run %s: %w", r.RunID, err)
		}
	}
	return a.executions(ctx, keys)
}

func (a *assembly) steps(ctx context.Context, keys []int64) error {
	rows, err := a.d.StepsByKey(ctx, a.m, keys)
	if err != nil {
		return err
	}
	for _, s := range rows {
		if s.Deleted {
			continue
		}
		e := a.add(domain.KindStep, s.Key)
		e.ref("run", domain.KindRun, s.Run)
		e.word("name", s.Name)
		e.word("displayName", s.Title)
		e.choice("status", string(s.Status))
		e.time("startedAt", s.StartedAt)
		e.time("endedAt", s.EndedAt)
		e.number("attempt", s.Attempt)
		e.put("", "contradictory", s.Contradictory)
		e.words("upstream", s.Upstream)
		e.word("cacheKey", s.CacheKey)
		e.ref("cachedFrom", kindExecution, s.CachedFrom)
		e.raw("codeReference", s.Code)
		e.words("warnings", s.Warnings)
		all, err := s.AllAttempts()
		if err == nil {
			err = e.tries(all, s.Failure)
		}
		if err != nil {
			return fmt.Errorf("step %s: %w", s.Name, err)
		}
	}
	return a.executions(ctx, keys)
}

// executions adds what runs and steps have in common.
func (a *assembly) executions(ctx context.Context, keys []int64) error {
	keys = a.there(keys)
	if err := a.attributes(ctx, keys); err != nil {
		return err
	}
	metrics, err := a.d.Metrics(ctx, a.m, keys)
	if err != nil {
		return err
	}
	for key, list := range metrics {
		a.all[key].metrics(list)
	}
	for group, read := range map[string]func(context.Context, Moment, []int64, int) (map[int64][]Use, error){groupInputs: a.d.Inputs, groupOutputs: a.d.Outputs} {
		found, err := read(ctx, a.m, keys, everyUse)
		if err != nil {
			return err
		}
		for key, list := range found {
			a.all[key].uses(group, list)
		}
	}
	return nil
}

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
