package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every document of examples/ answers without an error, on real events and on examples/training.ndjson.
func TestExamplesAnswer(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	root, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	revision := int64(0)
	for what, file := range map[string]string{"openlineage": "ingest/openlineage/testdata/real.ndjson", "events": "examples/training.ndjson"} {
		out, errs, exit := s.annals("", "import", what, filepath.Join(root, file), "-o", "json")
		if exit != 0 {
			t.Fatalf("import %s: %s %s", file, out, errs)
		}
		var sum imported
		decode(t, out, &sum)
		revision = max(revision, sum.Revision)
	}
	s.readable(t, revision)
	files, err := filepath.Glob(filepath.Join(root, "examples", "*.graphql"))
	if err != nil || len(files) < 12 {
		t.Fatalf("%d examples, %v; want a dozen", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".graphql"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			status, answer, _ := s.call(t, "POST", "/graphql", s.Key, string(rawJSON(map[string]string{"query": string(text)})), "Content-Type", "application/json")
			var got struct {
				Data   map[string]any
				Errors []graphqlError
			}
			decode(t, answer, &got)
			if status != 200 || len(got.Errors) > 0 || len(got.Data) == 0 {
				t.Fatalf("answers %d %s", status, answer)
			}
			for field, v := range got.Data {
				if v == nil {
					t.Errorf("%s is null: %s", field, answer)
				}
				if m, ok := v.(map[string]any); ok {
					nothing(t, field, m)
				}
			}
		})
	}
}

// nothing fails the test for what an example asks for by name and does not get, and for writes that were refused.
func nothing(t *testing.T, path string, m map[string]any) {
	t.Helper()
	for _, name := range []string{"run", "artifact", "lineage"} {
		if v, asked := m[name]; asked && v == nil {
			t.Errorf("%s.%s is null", path, name)
		}
	}
	for _, name := range []string{"nodes", "userErrors"} {
		list, asked := m[name].([]any)
		if asked && (len(list) == 0) == (name == "nodes") {
			t.Errorf("%s.%s has %d entries", path, name, len(list))
		}
	}
	for name, v := range m {
		if inner, ok := v.(map[string]any); ok && name != "steps" { // a producer's run may have none
			nothing(t, path+"."+name, inner)
		}
	}
}

// readable waits until what was written up to a revision can be read.
func (s *testServer) readable(t testing.TB, revision int64) {
	t.Helper()
	body := string(rawJSON(map[string]any{"query": `query($at: Int64!) { workspace(slug: "default", atLeast: $at, timeoutMs: 10000) { slug } }`, "variables": map[string]any{"at": revision}}))
	if status, answer, _ := s.call(t, "POST", "/graphql", s.Key, body, "Content-Type", "application/json"); status != 200 || strings.Contains(answer, "errors") {
		t.Fatalf("revision %d cannot be read: %d %s", revision, status, answer)
	}
}
