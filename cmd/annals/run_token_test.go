package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// runTokenOf mints the token of a run by the command line.
func (s *testServer) runTokenOf(t *testing.T, args ...string) string {
	t.Helper()
	out, errs, exit := s.annals("", append([]string{"run", "token", "-o", "json"}, args...)...)
	if exit != 0 {
		t.Fatalf("run token %v: %d %s", args, exit, errs)
	}
	var made struct{ Key string }
	decode(t, out, &made)
	return made.Key
}

// ask carries out an operation.
func (s *testServer) ask(t *testing.T, key, operation string) string {
	t.Helper()
	_, answer, _ := s.call(t, "POST", "/graphql", key, fmt.Sprintf(`{"query":%q}`, operation), "Content-Type", "application/json")
	return answer
}

const olEvent = `{"eventType":%q,"eventTime":"2026-03-01T12:00:0%d.000Z","run":{"runId":%q},"job":{"namespace":"airflow","name":%q},"inputs":[{"namespace":"pg","name":"orders"}],"outputs":[],"producer":"https://example.org/p","schemaURL":"https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"}`

// Given the token of a run, it writes that run through every door, and through none of them anything else.
func TestARunTokenWritesItsRunAlone(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	for _, run := range []string{"mine", "other"} {
		if got := s.ask(t, s.Key, fmt.Sprintf(`mutation { startRun(input: {workspace: "default", id: %q, pipeline: {name: "train"}}) { userErrors { code } } }`, run)); !strings.Contains(got, `"userErrors":[]`) {
			t.Fatal(got)
		}
	}
	token := s.runTokenOf(t, "mine")

	row := func(id, run string) string {
		return fmt.Sprintf(`{"id":%q,"run":%q,"at":"2026-03-01T12:00:00Z","body":{"type":"metricsLogged","points":[{"name":"rmse","value":0.2}]}}`, id, run)
	}
	status, answer, _ := s.call(t, "POST", "/v1/workspaces/default/events", token, strings.Join([]string{row("n1", "mine"), row("n2", "other"), row("n3", "mine")}, "\n"))
	if status != http.StatusMultiStatus || !strings.Contains(answer, `"accepted":2`) || !strings.Contains(answer, `"rejected":1`) || !strings.Contains(answer, `"index":1`) || !strings.Contains(answer, `"code":"forbidden"`) {
		t.Errorf("native events of two runs: %d %s", status, answer)
	}
	for name, tt := range map[string]struct {
		path, body string
		status     int
	}{
		"another's native event":          {"/v1/workspaces/default/events", row("n4", "other"), 400},
		"in another workspace":            {"/v1/workspaces/nowhere/events", row("n5", "mine"), 409},
		"an OpenLineage event":            {"/api/v1/lineage", fmt.Sprintf(olEvent, "START", 1, "mine", "etl"), 403},
		"an OpenLineage dataset":          {"/api/v1/lineage", `{"eventTime":"2026-03-01T12:00:00Z","dataset":{"namespace":"pg","name":"orders"},"producer":"https://example.org/p","schemaURL":"https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/DatasetEvent"}`, 403},
		"a key":                           {"/v1/keys", `{"scopes":["read"]}`, 403},
		"a token":                         {"/v1/workspaces/default/runs/mine/token", "", 403},
		"the projection of its workspace": {"/v1/workspaces/default/projection/retry", "", 403},
	} {
		if status, answer, _ := s.call(t, "POST", tt.path, token, tt.body, "Content-Type", "application/json"); status != tt.status {
			t.Errorf("%s: %d %s, want %d", name, status, answer, tt.status)
		}
	}
	for _, path := range []string{"/v1/keys", "/v1/status", "/v1/projections", "/metrics", "/v1/whoami", "/graphql?query=%7B__typename%7D"} {
		if status, answer, _ := s.call(t, "GET", path, token, ""); status != http.StatusForbidden {
			t.Errorf("GET %s: %d %s, want 403", path, status, answer)
		}
	}

	for name, tt := range map[string]struct{ operation, says string }{
		"its metrics":           {`mutation { logMetrics(input: {workspace: "default", run: "mine", points: [{name: "auc", value: 0.9}]}) { userErrors { code } } }`, `"userErrors":[]`},
		"its step":              {`mutation { startStep(input: {workspace: "default", run: "mine", step: "fit"}) { userErrors { code } } }`, `"userErrors":[]`},
		"its events":            {`mutation { ingestRunEvents(input: {workspace: "default", events: [{id: "g1", run: "mine", at: "2026-03-01T12:00:00Z", body: {runProgressed: {}}}]}) { accepted } }`, `"accepted":1`},
		"another's metrics":     {`mutation { logMetrics(input: {workspace: "default", run: "other", points: [{name: "auc", value: 0.9}]}) { userErrors { code } } }`, `"FORBIDDEN"`},
		"another's end":         {`mutation { completeRun(input: {workspace: "default", run: "other"}) { userErrors { code } } }`, `"FORBIDDEN"`},
		"another's step":        {`mutation { startStep(input: {workspace: "default", run: "other", step: "fit"}) { userErrors { code } } }`, `"FORBIDDEN"`},
		"one that is not there": {`mutation { completeRun(input: {workspace: "default", run: "nowhere"}) { userErrors { code } } }`, `"FORBIDDEN"`},
		"a new run":             {`mutation { startRun(input: {workspace: "default", id: "third", pipeline: {name: "train"}}) { userErrors { code } } }`, `"FORBIDDEN"`},
		"another's events":      {`mutation { ingestRunEvents(input: {workspace: "default", events: [{id: "g2", run: "other", at: "2026-03-01T12:00:00Z", body: {runProgressed: {}}}]}) { accepted rejected } }`, `"rejected":1`},
		"its own deletion":      {`mutation { deleteRun(input: {workspace: "default", run: "mine", reason: "x"}) { userErrors { code } } }`, `"FORBIDDEN"`},
		"its pipeline":          {`mutation { registerPipeline(input: {workspace: "default", name: "mine"}) { userErrors { code } } }`, `"FORBIDDEN"`},
		"its workspace":         {`mutation { renameWorkspace(input: {workspace: "default", name: "Mine"}) { userErrors { code } } }`, `"FORBIDDEN"`},
		"reading its run":       {`{ workspace(slug: "default") { run(id: "mine") { status } } }`, `"workspace":null`},
		"reading its workspace": {`{ workspaces { totalCount } }`, `"totalCount":0`},
		"its end":               {`mutation { annotateRun(input: {workspace: "default", run: "mine", tags: [{key: "a"}]}) { userErrors { code } } }`, `"userErrors":[]`},
	} {
		if got := s.ask(t, token, tt.operation); !strings.Contains(got, tt.says) {
			t.Errorf("%s: %s, want %s", name, got, tt.says)
		}
	}
	for began := time.Now(); ; pause() { // what is read comes a moment later
		got := s.ask(t, s.Key, `{ workspace(slug: "default") { runs { totalCount nodes { runId status } } artifacts { totalCount } pipelines { totalCount } } }`)
		if strings.Contains(got, "third") || time.Since(began) > time.Minute {
			t.Fatalf("afterwards there is %s", got)
		}
		if strings.Contains(got, `"totalCount":2`) {
			break
		}
	}
	if got := s.ask(t, token, `mutation { completeRun(input: {workspace: "default", run: "mine"}) { userErrors { code } } }`); !strings.Contains(got, `"userErrors":[]`) {
		t.Errorf("its own end: %s", got)
	}
	if got := s.ask(t, token, `mutation { logMetrics(input: {workspace: "default", run: "mine", points: [{name: "late", value: 1}]}) { userErrors { code } } }`); !strings.Contains(got, `"userErrors":[]`) {
		t.Errorf("its last words: %s", got)
	}
	if got := s.ask(t, s.Key, `mutation { deleteRun(input: {workspace: "default", run: "mine", reason: "x"}) { userErrors { code } } }`); !strings.Contains(got, `"userErrors":[]`) {
		t.Fatal(got)
	}
	if status, answer, _ := s.call(t, "POST", "/v1/workspaces/default/events", token, row("n9", "mine")); status != http.StatusUnauthorized || !strings.Contains(answer, "key_revoked") {
		t.Errorf("after its run was deleted: %d %s, want 401 at once", status, answer)
	}
}

// Given the token of a run that OpenLineage reported, events of that run are taken, and those of its job's other runs and
// of other jobs' run of that id are not.
func TestARunTokenOfAnOpenLineageRun(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	const id, other = "0190a8f0-0000-7000-8000-000000000001", "0190a8f0-0000-7000-8000-000000000002"
	send := func(key, run, job string, at int) (int, string) {
		status, answer, _ := s.call(t, "POST", "/api/v1/lineage", key, fmt.Sprintf(olEvent, "RUNNING", at, run, job), "Content-Type", "application/json")
		return status, answer
	}
	for _, job := range []string{"etl", "audit"} {
		status, answer := send(s.Key, id, job, 0)
		if status != http.StatusCreated {
			t.Fatal(status, answer)
		}
		var taken struct{ Revision int64 }
		decode(t, answer, &taken)
		s.readable(t, taken.Revision)
	}
	out, errs, exit := s.annals("", "run", "token", id)
	if exit != exitConflict || !strings.Contains(errs, "airflow/etl") {
		t.Fatalf("a token without a job: %d %s %s, want a conflict that names the jobs", exit, out, errs)
	}
	token := s.runTokenOf(t, id, "--job", "airflow/etl")
	for name, tt := range map[string]struct {
		run, job string
		status   int
	}{
		"its run":                    {id, "etl", 201},
		"another run of its job":     {other, "etl", 403},
		"its id, of another job":     {id, "audit", 403},
		"its id, of a job not there": {id, "new", 403},
	} {
		if status, answer := send(token, tt.run, tt.job, 1); status != tt.status {
			t.Errorf("%s: %d %s, want %d", name, status, answer, tt.status)
		}
	}
	batch := "[" + fmt.Sprintf(olEvent, "RUNNING", 2, id, "etl") + "," + fmt.Sprintf(olEvent, "RUNNING", 2, other, "etl") + "]"
	status, answer, _ := s.call(t, "POST", "/api/v1/lineage/batch", token, batch, "Content-Type", "application/json")
	if !strings.Contains(answer, `"successful":1`) || !strings.Contains(answer, `"non_retriable":1`) {
		t.Errorf("a batch with another run's event: %d %s; want one taken and one refused for good", status, answer)
	}
}
