package read

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/annals-io/annals/domain"
)

// Two runs, or two versions of artifacts, are compared in what somebody chose or what came out: not in what tells any
// two of them apart, such as ids, numbers and the times at which they happened.

// A StepComparison is a step of two runs, by its name. A key is 0 where that run has no such step.
type StepComparison struct {
	Name   string
	A, B   int64
	Fields []FieldDifference
}

// A RunComparison is how two runs differ.
type RunComparison struct {
	Fields   []FieldDifference
	Steps    []StepComparison // that differ, by name
	Equal    int              // steps that do not
	Complete bool             // false: they have more steps than are compared
}

// maxCompared is how many steps of a run are compared.
const maxCompared = 1000

// own are fields that are no difference between two runs, or two steps.
var own = []string{"runId", "number", "name", "startedAt", "endedAt", "parent", "root", "attempts", "orchestrator", "run"}

// CompareRuns compares two runs and their steps at the moment; texts as said reads them. ok is false where one of them is
// not there.
func (d *DB) CompareRuns(ctx context.Context, m Moment, a, b int64, said Texts) (c RunComparison, ok bool, err error) {
	sides := [2]int64{a, b}
	var steps [2]map[string]int64
	nodes := []Node{{Kind: domain.KindRun, Key: a}, {Kind: domain.KindRun, Key: b}}
	c.Complete = true
	for i, run := range sides {
		found, err := d.Steps(ctx, m, StepQuery{Run: run, Page: Page{Limit: maxCompared}})
		if err != nil {
			return c, false, err
		}
		c.Complete = c.Complete && !found.More
		steps[i] = map[string]int64{}
		for _, s := range found.Rows {
			steps[i][s.Row.Name] = s.Row.Key
			nodes = append(nodes, Node{Kind: domain.KindStep, Key: s.Row.Key})
		}
	}
	all, err := d.Entities(ctx, m, nodes)
	if err != nil || all[a] == nil || all[b] == nil {
		return c, false, err
	}
	if err := d.comparable(ctx, m, all); err != nil {
		return c, false, err
	}
	c.Fields = compareFields(all[a].Fields, all[b].Fields)
	if err := c.compareSteps(ctx, m, steps, all, said); err != nil {
		return c, false, err
	}
	return c, true, d.nameCompared(ctx, m, &c)
}

// compareSteps compares the steps of both runs, by name, and the texts of everything.
func (c *RunComparison) compareSteps(ctx context.Context, m Moment, steps [2]map[string]int64, all map[int64]*Entity, said Texts) error {
	var names []string
	for _, side := range steps {
		names = slices.AppendSeq(names, maps.Keys(side))
	}
	slices.Sort(names)
	names = slices.Compact(names)
	both := make([]StepComparison, len(names))
	fields := []*[]FieldDifference{&c.Fields}
	for i, name := range names {
		x := StepComparison{Name: name, A: steps[0][name], B: steps[1][name]}
		x.Fields = compareFields(fieldsOf(all[x.A]), fieldsOf(all[x.B]))
		both[i] = x
		fields = append(fields, &both[i].Fields)
	}
	if err := said.settle(ctx, m, fields...); err != nil {
		return err
	}
	for _, x := range both {
		if x.A != 0 && x.B != 0 && len(x.Fields) == 0 {
			c.Equal++
			continue
		}
		c.Steps = append(c.Steps, x)
	}
	return nil
}

func (d *DB) nameCompared(ctx context.Context, m Moment, c *RunComparison) error {
	nodes := nodesIn(domain.KindPipeline, c.Fields) // what was read and written is compared by artifact, as of a pipeline
	for _, s := range c.Steps {
		nodes = append(nodes, nodesIn(domain.KindPipeline, s.Fields)...)
	}
	names, err := d.NamesOf(ctx, m, nodes)
	if err != nil {
		return err
	}
	nameFields(c.Fields, names)
	for _, s := range c.Steps {
		nameFields(s.Fields, names)
	}
	return nil
}

// comparable makes of runs and steps what can be compared with another one: how long it took, which artifacts it read and
// wrote, and in which versions, and what it measured.
func (d *DB) comparable(ctx context.Context, m Moment, all map[int64]*Entity) error {
	rows, err := d.usedVersions(ctx, m, all)
	if err != nil {
		return err
	}
	names, err := d.NamesOf(ctx, m, rows.nodes)
	if err != nil {
		return err
	}
	for _, e := range all {
		if ms, ok := durationOf(e); ok {
			e.put("", "durationMs", ms)
		}
		used := map[FieldKey][]string{}
		for k, v := range maps.Clone(e.Fields) { // fields come and go
			switch {
			case k.Group == "" && slices.Contains(own, k.Name), k.Group == groupSources:
				delete(e.Fields, k)
			case k.Group == groupInputs, k.Group == groupOutputs:
				at := FieldKey{Group: k.Group, Name: k.Name, Ref: rows.artifact[k.Ref]}
				used[at] = append(used[at], names[k.Ref])
				delete(e.Fields, k)
			case k.Group == groupMetrics:
				delete(e.Fields, k)
				if err := e.split(k, v.JSON); err != nil {
					return err
				}
			}
		}
		for k, versions := range used {
			e.Fields[k] = FieldValue{JSON: oneOrMany(versions)}
		}
	}
	return nil
}

// split makes fields of a metric's numbers: the last one by its own name. When it was measured is its run's own.
func (e *Entity) split(k FieldKey, doc json.RawMessage) error {
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(doc, &parts); err != nil {
		return fmt.Errorf("read the metric %s: %w", k.Name, err)
	}
	for part, v := range parts {
		switch part {
		case "last":
			e.Fields[k] = FieldValue{JSON: v}
		case "min", "max", "count":
			e.Fields[FieldKey{Group: k.Group, Name: k.Name + " " + part}] = FieldValue{JSON: v}
		}
	}
	return nil
}

// durationOf is how long an execution took, in milliseconds.
func durationOf(e *Entity) (int64, bool) {
	from, started := e.instant("startedAt")
	to, ended := e.instant("endedAt")
	return to.Sub(from).Milliseconds(), started && ended
}

// oneOrMany is a text, or a list where there are several.
func oneOrMany(words []string) json.RawMessage {
	slices.Sort(words)
	var v any = words
	if len(words) == 1 {
		v = words[0]
	}
	b, _ := json.Marshal(v) // texts
	return b
}

// usedVersions are the versions that executions read and wrote, with their artifacts.
type usedVersions struct {
	nodes    []Node
	artifact map[int64]int64
}

func (d *DB) usedVersions(ctx context.Context, m Moment, all map[int64]*Entity) (u usedVersions, err error) {
	var keys []int64
	for _, e := range all {
		for k := range e.Fields {
			if k.Group == groupInputs || k.Group == groupOutputs {
				keys = append(keys, k.Ref)
			}
		}
	}
	u.artifact = map[int64]int64{}
	if len(keys) == 0 {
		return u, nil
	}
	rows, err := d.VersionsByKey(ctx, m, distinctKeys(keys))
	for _, v := range rows {
		u.nodes = append(u.nodes, Node{Kind: domain.KindArtifactVersion, Key: v.Key})
		u.artifact[v.Key] = v.Artifact
	}
	return u, err
}
