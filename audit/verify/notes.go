package verify

import (
	"bytes"
	"context"
	"slices"

	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/audit/checkpoint"
)

// origin is what the tree of this export is called.
func (v *verification) origin() string { return v.Instance + "/" + v.Stream }

// origins are what the trees are called that this one continues: of streams that it was imported from.
func (v *verification) origins() (all []string) {
	for _, o := range v.b.Manifest.Origins {
		all = append(all, o.Instance+"/"+string(o.Stream))
	}
	return all
}

// notes reads the export's checkpoints, checks who signed them, and remembers which root each wants.
func (v *verification) notes(context.Context) error {
	notes, err := v.b.Checkpoints()
	if err != nil {
		return v.read(err)
	}
	for _, signed := range notes {
		c, err := checkpoint.Read(signed)
		if err != nil {
			v.fail(-1, bundle.CheckpointsFile, "%v", err)
			continue
		}
		own := c.Origin == v.origin()
		switch {
		case !own && !slices.Contains(v.origins(), c.Origin):
			v.fail(-1, bundle.CheckpointsFile, "a checkpoint is of %s, and this is %s", c.Origin, v.origin())
			continue
		case !own && !v.known(c.Origin):
			if !slices.Contains(v.Foreign, c.Origin) {
				v.Foreign = append(v.Foreign, c.Origin)
			}
			continue
		}
		by, err := v.open(signed)
		if err != nil && v.checks(signatures) {
			v.fail(-1, bundle.CheckpointsFile, "%v", err)
			continue
		}
		if err == nil {
			v.exported = append(v.exported, by)
		}
		v.expect(expected{c, bundle.CheckpointsFile})
		if own && c.Size >= v.last.Size {
			v.last = c
		}
	}
	if v.last.Note == nil {
		v.fail(-1, bundle.CheckpointsFile, "no checkpoint of %s is signed by this key: nothing is proven", v.origin())
	}
	v.Sealed = v.last.Size
	return nil
}

// known says whether a key of an origin was given.
func (v *verification) known(origin string) bool {
	return slices.ContainsFunc(v.Keys, func(k checkpoint.Key) bool { _, ok := k.Tree(origin); return ok })
}

func (v *verification) expect(e expected) { v.want[e.Size] = append(v.want[e.Size], e) }

// kept checks the auditor's own checkpoints: who signed them, and that the history has not become shorter since.
func (v *verification) kept(context.Context) error {
	if !v.checks(since) {
		return nil
	}
	about := 0
	var known []signing
	for _, signed := range v.Options.Since {
		c, err := checkpoint.Read(signed)
		if err != nil {
			v.fail(-1, "", "the checkpoint that was kept: %v", err)
			continue
		}
		if c.Origin != v.origin() && !slices.Contains(v.origins(), c.Origin) {
			continue // of another workspace: a file of checkpoints has those of all
		}
		about++
		by, err := v.open(signed)
		if err != nil {
			v.fail(-1, "", "the checkpoint that was kept: %v", err)
			continue
		}
		known = append(known, by)
		if c.Size > v.b.Manifest.Counts.Events {
			v.fail(v.b.Manifest.Counts.Events, "", "a checkpoint of %d events was kept, and the export has %d: history was cut back", c.Size, v.b.Manifest.Counts.Events)
			continue
		}
		v.expect(expected{Checkpoint: c})
	}
	if about == 0 && len(v.Options.Since) > 0 {
		v.fail(-1, "", "none of the checkpoints that were kept is of %s: there is nothing to compare with", v.origin())
	}
	if v.checks(turns) {
		v.turns(v.exported, known)
	}
	return nil
}

// instance checks that the instance's tree has the last checkpoint.
func (v *verification) instance(context.Context) error {
	if !v.checks(instanceLog) || v.last.Note == nil {
		return nil
	}
	content, err := v.b.Instance()
	if err != nil {
		return v.read(err)
	}
	tied := false
	for number, line := range bytes.Split(bytes.TrimSuffix(content, []byte("\n")), []byte("\n")) {
		if len(line) == 0 {
			continue
		}
		t, err := checkpoint.ParseTie(line)
		var by checkpoint.Checkpoint
		if err == nil {
			by, err = t.Check(v.Instance, v.Stream, v.Keys...)
		}
		if err != nil {
			v.add(Failure{Stream: v.Stream, Revision: -1, File: bundle.InstanceFile, Line: int64(number) + 1, Reason: err.Error()})
			continue
		}
		v.Instances = by.Size
		tied = tied || bytes.Equal(t.Checkpoint, v.last.Note)
	}
	if !tied {
		v.fail(-1, bundle.InstanceFile, "nothing shows that the instance's log has the last checkpoint, of %d events", v.last.Size)
	}
	return nil
}
