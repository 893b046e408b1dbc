package main

import "testing"

// What a facet says is united over the events of all sorts by their time, whatever came first: the later one replaces,
// and one that says it is deleted takes away.
func TestFacetsAreUnitedByTime(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	revision := int64(0)
	for _, event := range []string{
		`{"eventTime": "2026-03-01T00:02:00Z", "dataset": {"namespace": "d", "name": "out", "facets": {"seen": {"by": 2}, "dropped": {"_deleted": true}}}}`,
		`{"eventTime": "2026-03-01T00:01:00Z", "eventType": "COMPLETE", "run": {"runId": "r", "facets": {"gone": {"_deleted": true}, "kept": {"v": 2}}}, "job": {"namespace": "n", "name": "j", "facets": {"team": {"_deleted": true}}},
			"inputs": [{"namespace": "d", "name": "in", "inputFacets": {"inputStatistics": {"rowCount": 10}}}], "outputs": [{"namespace": "d", "name": "out", "facets": {"seen": {"by": 1}, "dropped": {"v": 1}, "written": {"v": 1}}}]}`,
		`{"eventTime": "2026-03-01T00:00:00Z", "eventType": "START", "run": {"runId": "r", "facets": {"gone": {"v": 1}, "kept": {"v": 1}}}, "job": {"namespace": "n", "name": "j", "facets": {"team": {"name": "x"}, "documentation": {"description": "old"}}}}`,
		`{"eventTime": "2026-03-01T00:00:30Z", "job": {"namespace": "n", "name": "j", "facets": {"declared": {"v": 1}, "documentation": {"_deleted": true}}}}`,
	} {
		status, answer, _ := s.call(t, "POST", "/api/v1/lineage", s.Key, event, "Content-Type", "application/json")
		var got struct{ Revision int64 }
		if decode(t, answer, &got); status != 201 {
			t.Fatalf("%d %s", status, answer)
		}
		revision = got.Revision
	}
	s.readable(t, revision)
	_, answer, _ := s.call(t, "POST", "/graphql", s.Key, string(rawJSON(map[string]string{"query": `{ workspace(slug: "default") {
		run(id: "r") { facets } pipeline(id: "n/j") { facets description } in: artifact(id: "d/in") { metadata { name value } } out: artifact(id: "d/out") { facets latest { facets } } } }`})), "Content-Type", "application/json")
	const want = `{"data":{"workspace":{"run":{"facets":{"kept":{"v":2}}},"pipeline":{"facets":{"declared":{"v":1}},"description":null},"in":{"metadata":[{"name":"input.rows","value":10}]},` +
		`"out":{"facets":{"seen":{"by":2},"written":{"v":1}},"latest":{"facets":{"dropped":{"v":1},"seen":{"by":1},"written":{"v":1}}}}}}}`
	if string(answer) != want {
		t.Errorf("answers\n%s; want\n%s", answer, want)
	}
}
