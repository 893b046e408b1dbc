package fold_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/ingest/openlineage"
)

// realMessages are the shared real events of OpenLineage's producers, in the order of their files.
func realMessages(t *testing.T) []*openlineage.Message {
	t.Helper()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for !exists(filepath.Join(root, "go.mod")) {
		root = filepath.Dir(root)
	}
	var list []*openlineage.Message
	for _, pattern := range []string{"events/*/real.ndjson", "streams/*.ndjson"} {
		files, err := filepath.Glob(filepath.Join(root, "..", "shared", "data", "openlineage", pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("the shared real events %s are not there: %v", pattern, err)
		}
		for _, name := range files {
			lines, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for line := range bytes.SplitSeq(bytes.TrimSpace(lines), []byte("\n")) {
				m, err := openlineage.Parse(line, noon.AddDate(1, 0, 0))
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				list = append(list, m)
			}
		}
	}
	return list
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// received is the stream that the messages make in that order; one that was received before adds nothing.
func received(t *testing.T, list []*openlineage.Message) (*story, *bodies) {
	t.Helper()
	s, ev, known := newStory(), bodies{}, map[string]bool{}
	there := domain.States{domain.WorkspaceEntity(): {Exists: true}}
	for _, m := range list {
		r := m.Request(domain.WorkspaceStream(slug), domain.Actor{Kind: "key", ID: "k1"})
		if known[r.CommandID] {
			continue
		}
		known[r.CommandID] = true
		events, err := r.Command.Decide(there)
		if err != nil {
			t.Fatalf("%s: %v", r.CommandID, err)
		}
		for _, e := range r.Evidence {
			ev[e.Digest] = e.Bytes
		}
		s.add(r.OccurredAt.Truncate(time.Microsecond), r.Digest, "", events...)
	}
	return s, &ev
}

func TestRealStreams(t *testing.T) {
	t.Parallel()
	list := realMessages(t)
	s, ev := received(t, list)
	n := newNaive()
	for i := range s.events {
		n.add(&s.events[i])
	}
	m := newModel(t)
	m.project(s, 1, ev)
	one := m.digest(ws)
	if differ := m.equalNaive(ws, n); differ != "" {
		t.Errorf("the rows are not what the bare facts amount to:\n%s", differ)
	}
	tidy := m.endState(ws)
	for _, size := range []int{7, 5000} {
		m.fresh(fmt.Sprint("read_by_", size))
		m.project(s.readBack(t), size, ev)
		equalDigests(t, fmt.Sprint("pages of ", size), one, m.digest(ws))
	}
	shuffled := append(slices.Clone(list), list[:len(list)/3]...) // a third comes twice
	r := rand.New(rand.NewPCG(1, 2))
	r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	s, ev = received(t, shuffled)
	m.fresh("read_shuffled")
	m.project(s, 100, ev)
	if differ := onlyIn("tidy", tidy, m.endState(ws)) + onlyIn("shuffled", m.endState(ws), tidy); differ != "" {
		t.Errorf("in another order the same facts amount to something else:\n%s", differ)
	}
}

// endState is what the rows say, by names instead of keys and numbers.
func (m *model) endState(number int32) []string {
	var all []string
	for _, sql := range []string{statusesSQL, versionsSQL, edgesSQL, linksSQL, attributesSQL, fieldsSQL} {
		all = append(all, m.rows(sql, number)...)
	}
	slices.Sort(all)
	return all
}

// attributesSQL and fieldsSQL are what facets say: of runs, pipelines and artifacts, and of columns.
const (
	attributesSQL = labelsSQL + `, e AS (SELECT key, name FROM x UNION ALL SELECT key, namespace || '/' || name FROM read.pipelines WHERE ws = $1
    UNION ALL SELECT key, namespace || '/' || name FROM read.artifacts WHERE ws = $1 UNION ALL SELECT key, label FROM v)
SELECT e.name, a.space, a.name, a.value, a.gone FROM read.attributes a JOIN e ON e.key = a.entity WHERE a.ws = $1`
	fieldsSQL = labelsSQL + ` SELECT t.name, l.target_field, s.name, l.source_field, p.name, l.kind, l.subtype, l.masking FROM read.column_lineage l
JOIN c s ON s.key = l.source JOIN c t ON t.key = l.target LEFT JOIN read.pipelines p ON p.ws = l.ws AND p.key = l.pipeline WHERE l.ws = $1
UNION ALL SELECT v.label, d.type, d.uri, d.size_bytes::text, d.digest, d.schema::text, d.lifecycle, NULL FROM read.version_details d JOIN v ON v.key = d.key WHERE d.ws = $1`
)
