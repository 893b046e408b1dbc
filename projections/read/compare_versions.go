package read

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/annals-io/annals/domain"
)

// CompareVersions compares two versions of artifacts at the moment; texts as said reads them. ok is false where one of them
// is not there.
func (d *DB) CompareVersions(ctx context.Context, m Moment, a, b int64, said Texts) (fields []FieldDifference, ok bool, err error) {
	all, err := d.Entities(ctx, m, []Node{{Kind: domain.KindArtifactVersion, Key: a}, {Kind: domain.KindArtifactVersion, Key: b}})
	if err != nil || all[a] == nil || all[b] == nil {
		return nil, false, err
	}
	for _, e := range all {
		for k, v := range maps.Clone(e.Fields) { // fields come and go
			switch {
			case k.Group == groupSources, k.Group == groupPromotions, k.Group == "" && slices.Contains([]string{"number", "name", "attempt", "completedAt", "producedBy"}, k.Name):
				delete(e.Fields, k)
			case k.Group == "" && k.Name == "fields":
				delete(e.Fields, k)
				if err := e.columns(v.JSON); err != nil {
					return nil, false, err
				}
			}
		}
	}
	fields = compareFields(all[a].Fields, all[b].Fields)
	if err := said.settle(ctx, m, &fields); err != nil {
		return nil, false, err
	}
	names, err := d.NamesOf(ctx, m, nodesIn(domain.KindArtifactVersion, fields))
	if err != nil {
		return nil, false, err
	}
	nameFields(fields, names)
	return fields, true, nil
}

// columns makes a field of each column of a schema.
func (e *Entity) columns(doc json.RawMessage) error {
	var columns []domain.Field
	if err := json.Unmarshal(doc, &columns); err != nil {
		return fmt.Errorf("read the fields of a version: %w", err)
	}
	for _, c := range columns {
		e.put("fields", strings.ToValidUTF8(c.Name, "?"), c.Type)
	}
	return nil
}
