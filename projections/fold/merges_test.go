package fold_test

import (
	"testing"

	"github.com/annals-io/annals/domain"
)

// versionsAstray are versions that lie under a name which is another artifact's now: no earlier moment would find them.
const versionsAstray = `SELECT v.key, a.name FROM read.artifact_versions v JOIN read.artifacts a ON a.ws = v.ws AND a.key = v.artifact WHERE a.canonical <> a.key`

// One message may unite three artifacts. What a read meant under one of them goes along all the way, even where it
// turned out to be a version of another.
func TestVersionsOfAChainOfNamesLieTogether(t *testing.T) {
	t.Parallel()
	s := newStory()
	s.says(1, consumed(run("a", "j"), domain.Started, io("first")))
	s.says(2, consumed(run("b", "j"), domain.Started, named("second", "1")))
	s.says(3, domain.ArtifactObserved{IO: named("third", "1")})
	third, first := io("third"), io("first")
	third.Aliases = []domain.Alias{{Name: data("second")}}
	first.Aliases = []domain.Alias{{Name: data("second")}}
	s.says(4, consumed(run("c", "j"), domain.Started, third, first))
	eachWay(t, s, nil, func(m *model) {
		m.want("versions astray", versionsAstray)
		m.want("what second had", `SELECT v.name, v.since, v.until FROM read.artifact_versions_was v JOIN read.artifacts a ON a.key = v.artifact AND a.name = 'second' WHERE v.exists_now`, "1 2 4")
	})
}
