package fold_test

import (
	"testing"

	"github.com/annals-io/annals/domain"
)

func TestAuditNamesTheCommandOfEachEvent(t *testing.T) {
	t.Parallel()
	s, m := newStory(), newModel(t)
	s.says(1, reported(run("a", "j"), domain.Started), consumed(run("a", "j"), domain.Started, io("x")))
	s.says(2, reported(run("a", "j"), domain.Succeeded))
	s.events[1].Meta.CommandID, s.events[2].Meta.CommandID = "start a", "start a"
	s.events[3].Meta.CommandID = "end\x00 a" // Postgres keeps no NUL
	m.project(s, 2, nil)
	m.want("commands", `SELECT revision, type, command FROM read.audit_entries`,
		"0 workspace.created -", "1 run.started start a", "2 artifacts.consumed start a", "3 run.succeeded end\uFFFD a")
}
