package read

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"github.com/annals-io/annals/domain"
)

// fieldsOf are the fields of a thing; none of one that is not there.
func fieldsOf(e *Entity) map[FieldKey]FieldValue {
	if e == nil {
		return nil
	}
	return e.Fields
}

// compareFields are the fields in which two things differ, in the order of their keys. Their names are still to be made;
// until then Name is the name within the group.
func compareFields(before, after map[FieldKey]FieldValue) []FieldDifference {
	var keys []FieldKey
	for k, v := range before {
		if w, ok := after[k]; !ok || !v.Equal(w) {
			keys = append(keys, k)
		}
	}
	for k := range after {
		if _, ok := before[k]; !ok {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, compareKeys)
	out := make([]FieldDifference, len(keys))
	for i, k := range keys {
		out[i] = FieldDifference{Key: k, Name: k.Name}
		if v, ok := before[k]; ok {
			out[i].Before = &v
		}
		if v, ok := after[k]; ok {
			out[i].After = &v
		}
	}
	return out
}

func compareKeys(a, b FieldKey) int {
	return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Ref, b.Ref), cmp.Compare(a.By, b.By))
}

// refKind is the kind of what the fields of a group lead to.
func refKind(of domain.Kind, group string) domain.Kind {
	if (group == groupInputs || group == groupOutputs) && of != domain.KindPipeline {
		return domain.KindArtifactVersion
	}
	return domain.KindArtifact
}

// nameDifferences gives things and fields names that people can read and give back, and makes texts of what leads to
// another thing.
func (d *DB) nameDifferences(ctx context.Context, m Moment, all []*Difference) error {
	var nodes []Node
	for _, x := range all {
		nodes = append(nodes, x.Node)
		nodes = append(nodes, nodesIn(x.Kind, x.Fields)...)
	}
	names, err := d.NamesOf(ctx, m, nodes)
	if err != nil {
		return err
	}
	for _, x := range all {
		x.Name = names[x.Key]
		nameFields(x.Fields, names)
	}
	return nil
}

// nodesIn are the things that fields of a thing of a kind lead to.
func nodesIn(kind domain.Kind, fields []FieldDifference) (nodes []Node) {
	for _, f := range fields {
		if f.Key.Ref != 0 {
			nodes = append(nodes, Node{Kind: refKind(kind, f.Key.Group), Key: f.Key.Ref})
		}
		if f.Key.By != 0 {
			nodes = append(nodes, Node{Kind: domain.KindPipeline, Key: f.Key.By})
		}
		for _, v := range []*FieldValue{f.Before, f.After} {
			if v != nil && v.Ref.Key != 0 {
				nodes = append(nodes, v.Ref)
			}
		}
	}
	return nodes
}

func nameFields(fields []FieldDifference, names map[int64]string) {
	for i := range fields {
		f := &fields[i]
		f.Name = fieldName(f.Key, names)
		for _, v := range []*FieldValue{f.Before, f.After} {
			if v != nil && v.Ref.Key != 0 {
				v.JSON, _ = json.Marshal(names[v.Ref.Key]) // a text
			}
		}
	}
}

// fieldName is the name of a field with what it leads to, such as "parameters.lr", "inputs.db/orders@3 (train)".
func fieldName(k FieldKey, names map[int64]string) string {
	name := k.Name
	switch {
	case k.Ref != 0 && k.Group == groupColumns:
		name = names[k.Ref] + ": " + k.Name
	case k.Ref != 0 && k.Name != "":
		name = names[k.Ref] + " (" + k.Name + ")"
	case k.Ref != 0:
		name = names[k.Ref]
	}
	if k.By != 0 {
		name += " by " + names[k.By]
	}
	if k.Group != "" {
		return k.Group + "." + name
	}
	return name
}
