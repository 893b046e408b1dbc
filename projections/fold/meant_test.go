package fold_test

import (
	"testing"

	"github.com/annals-io/annals/domain"
)

// A run may name a version of its pipeline before it is registered, before it has a pipeline, or in any other order.
func TestRunIsLinkedToItsVersionWhateverComesFirst(t *testing.T) {
	t.Parallel()
	p := domain.Name{Name: "train"}
	version := func(s *story) { s.says(1, domain.PipelineVersionRegistered{Pipeline: p, Hash: "h1", Label: "one"}) }
	named := func(s *story) {
		s.says(3, domain.RunReported{Phase: domain.Started, Run: native("a"), Version: "one"})
	}
	piped := func(s *story) {
		s.says(2, domain.RunReported{Phase: domain.Queued, Run: native("a"), Pipeline: &p})
	}
	for name, order := range map[string][]func(*story){
		"version first": {version, named, piped}, "version last": {named, piped, version}, "pipeline last": {version, named, piped}, "pipeline first": {piped, version, named},
		"run last": {version, piped, named}, "version between": {named, version, piped},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStory()
			for _, say := range order {
				say(s)
			}
			s.says(4, domain.RunReported{Phase: domain.Started, Run: native("b"), Version: "one"}) // it has no pipeline
			eachWay(t, s, nil, func(m *model) {
				m.want("links", `SELECT r.run_id, d.version_label, v.hash, d.since FROM read.runs r JOIN read.run_details d ON d.key = r.key LEFT JOIN read.pipeline_versions v ON v.key = d.version`,
					"a one h1 3", "b one - 4")
			})
		})
	}
}

func TestLinkIsTrueSinceItsVersionWasRegistered(t *testing.T) {
	t.Parallel()
	p := job("j")
	s := newStory()
	s.says(1, domain.RunReported{Phase: domain.Started, Run: run("a", "j"), Version: "one"})
	s.says(2, reported(run("a", "j"), domain.Succeeded))
	s.says(3, domain.PipelineVersionRegistered{Pipeline: p, Hash: "h1", Label: "one"})
	s.says(4, domain.PipelineVersionRegistered{Pipeline: p, Hash: "h2", Label: "one"})                                // later: not what the run meant
	s.says(0, domain.PipelineVersionRegistered{Pipeline: p, Hash: "h0", Label: "one"})                                // it was there when the run began
	s.says(5, domain.PipelineVersionRegistered{Pipeline: job("other"), Hash: "h9", Label: "one"})                     // of another pipeline
	s.says(1, domain.RunReported{Phase: domain.Started, Run: run("b", "j"), Version: "h2"})                           // by its hash
	s.says(1, domain.RunReported{Phase: domain.Started, Run: run("c", "j"), Version: "never registered, as it were"}) // none
	const links = `SELECT r.run_id, v.hash, d.since FROM read.runs r JOIN read.run_details d ON d.key = r.key LEFT JOIN read.pipeline_versions v ON v.key = d.version`
	eachWay(t, s, nil, func(m *model) {
		m.want("links", links, "a h0 5", "b h2 7", "c - 8")
		m.want("what was", `SELECT v.hash, d.since, d.until FROM read.run_details_was d LEFT JOIN read.pipeline_versions v ON v.key = d.version`, "- 1 3", "h1 3 5")
	})
}
