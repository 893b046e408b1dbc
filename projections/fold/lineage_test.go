package fold_test

import (
	"testing"

	"github.com/annals-io/annals/domain"
)

// whoReads is which version each execution reads, by producer.
const whoReads = `
SELECT r.run_id, a.name, coalesce(p.run_id, v.kind), v.attempt, v.name FROM read.lineage_edges e JOIN read.runs r ON r.key = e.execution
JOIN read.artifact_versions v ON v.key = e.version JOIN read.artifacts a ON a.key = v.artifact LEFT JOIN read.runs p ON p.key = v.producer WHERE e.direction = 0`

func named(name, version string) domain.IO {
	return domain.IO{Artifact: data(name), Version: version}
}

func TestReadMeansTheLatestCompleteVersion(t *testing.T) {
	t.Parallel()
	w1, w2, r := run("w1", "write"), run("w2", "write2"), run("r", "read")
	tests := map[string]struct {
		given func(s *story)
		want  []string
	}{
		"before the read": {func(s *story) {
			s.writes(w1, 1, 2, io("x"))
			s.writes(w2, 3, 4, io("x"))
			s.reads(r, 5, 6, io("x"))
		}, []string{"r x w2 1 -"}},
		"complete after the start": {func(s *story) {
			s.writes(w1, 1, 2, io("x"))
			s.writes(w2, 3, 9, io("x"))
			s.reads(r, 5, 6, io("x"))
		}, []string{"r x w1 1 -"}},
		"a write that comes late": {func(s *story) {
			s.writes(w1, 1, 2, io("x"))
			s.reads(r, 5, 6, io("x"))
			s.writes(w2, 3, 4, io("x"))
		}, []string{"r x w2 1 -"}},
		"a failure that comes late": {func(s *story) {
			s.writes(w1, 1, 2, io("x"))
			s.writes(w2, 3, 4, io("x"))
			s.reads(r, 5, 6, io("x"))
			s.says(4, reported(w2, domain.Failed))
		}, []string{"r x w1 1 -"}},
		"an earlier start": {func(s *story) {
			s.writes(w1, 1, 2, io("x"))
			s.writes(w2, 3, 4, io("x"))
			s.reads(r, 5, 6, io("x"))
			s.says(3.5, reported(r, domain.Queued))
		}, []string{"r x w1 1 -"}},
		"nobody wrote it": {func(s *story) {
			s.reads(r, 5, 6, io("x"))
		}, []string{"r x external - -"}},
		"by name, failed or not": {func(s *story) {
			s.writes(w1, 1, 2, named("x", "7"))
			s.says(2, reported(w1, domain.Failed))
			s.writes(w2, 3, 4, named("x", "8"))
			s.reads(r, 5, 6, named("x", "7"))
		}, []string{"r x w1 1 7"}},
		"a name that comes late": {func(s *story) {
			s.writes(w1, 1, 2, io("x"))
			s.reads(r, 5, 6, named("x", "7"))
			s.says(2, produced(w1, domain.Succeeded, named("x", "7")))
		}, []string{"r x w1 1 7"}},
		"its own write": {func(s *story) {
			s.writes(w1, 1, 2, io("x"))
			s.says(3, reported(w2, domain.Started), consumed(w2, domain.Started, io("x")))
			s.says(4, reported(w2, domain.Succeeded), produced(w2, domain.Succeeded, io("x")))
		}, []string{"w2 x w1 1 -"}},
		"observed": {func(s *story) {
			s.says(1, domain.ArtifactObserved{IO: named("x", "9")})
			s.reads(r, 5, 6, named("x", "9"))
		}, []string{"r x observed - 9"}},
		"a second attempt": {func(s *story) {
			s.says(1, reported(w1, domain.Started))
			s.says(2, reported(w1, domain.Failed), produced(w1, domain.Failed, io("x")))
			s.says(3, reported(w1, domain.Started))
			s.says(4, reported(w1, domain.Succeeded), produced(w1, domain.Succeeded, io("x")))
			s.reads(r, 5, 6, io("x"))
		}, []string{"r x w1 2 -"}},
		"deleted before the read": {func(s *story) {
			s.writes(w1, 1, 2, io("x"))
			s.writes(w2, 3, 4, io("x"))
			s.reads(r, 5, 6, io("x"))
			s.reads(run("q", "read"), 4.2, 6, io("x"))
			s.says(4.5, domain.ArtifactVersionDeleted{Version: domain.VersionRef{Artifact: data("x"), Producer: &domain.Execution{Run: w2}, Attempt: 1}})
		}, []string{"q x w2 1 -", "r x w1 1 -"}},
		"two writers complete at the moment it starts, one of them not after all": {func(s *story) {
			s.writes(w1, 3600, 3601, io("x"))
			s.says(7200, reported(w2, domain.Succeeded), produced(w2, domain.Succeeded, io("x")))
			s.says(7200, reported(r, domain.Succeeded), produced(r, domain.Succeeded, io("x")), consumed(r, domain.Succeeded, io("x")))
			s.says(43200, reported(w2, domain.Failed))
		}, []string{"r x w1 1 -"}},
		"by another name of the artifact": {func(s *story) {
			s.writes(w1, 1, 2, io("x"))
			s.reads(r, 5, 6, io("y"))
			s.says(7, domain.ArtifactAliased{Artifact: data("y"), Alias: domain.Alias{Name: data("x")}})
		}, []string{"r x w1 1 -"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, m := newStory(), newModel(t)
			tt.given(s)
			m.project(s, 1, nil)
			m.want("reads, event by event", whoReads, tt.want...)
			one := m.digest(ws)
			m.fresh("read_2")
			m.project(s, 3, nil)
			equalDigests(t, "pages of 3", one, m.digest(ws))
			m.fresh("read_3")
			m.project(s, 1000, nil)
			equalDigests(t, "one page", one, m.digest(ws))
		})
	}
}
