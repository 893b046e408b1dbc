package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/annals-io/annals/domain"
)

// importedFrom is what the newest "history.imported" of a workspace says; nil, or without nodes, where there is none.
type importedFrom struct {
	AuditLog struct {
		Nodes []struct {
			Revision int64
			Data     domain.HistoryImported
		}
	}
}

// beside adds to what is shown of a workspace up to which revision it was recorded elsewhere, and where: "imported", which
// is null for those that were not.
func (i *importedFrom) beside(workspace json.RawMessage) json.RawMessage {
	said := json.RawMessage("null")
	if i != nil && len(i.AuditLog.Nodes) > 0 {
		e := i.AuditLog.Nodes[0]
		said = rawJSON(map[string]any{"upTo": e.Data.UpTo, "revision": e.Revision, "origins": e.Data.Origins})
	}
	open := bytes.TrimSuffix(bytes.TrimSpace(workspace), []byte("}"))
	return bytes.Join([][]byte{open, []byte(`,"imported":`), said, []byte("}")}, nil)
}

// cameFrom says the same in words.
func cameFrom(r row) string {
	upTo := r.text("imported", "upTo")
	origins, _ := r.at("imported", "origins").([]any)
	if upTo == "" {
		return ""
	}
	var from []string
	for _, o := range origins {
		if one, ok := o.(map[string]any); ok {
			from = append(from, fmt.Sprintf("%s of %s", strings.TrimPrefix(fmt.Sprint(one["stream"]), "workspace-"), one["instance"]))
		}
	}
	return fmt.Sprintf("up to revision %s, from %s", upTo, strings.Join(from, " and "))
}
