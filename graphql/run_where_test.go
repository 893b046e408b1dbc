package graphql_test

import (
	"strings"
	"testing"

	"github.com/annals-io/annals/graphql/limit"
)

// Conditions that somebody typed hold beside the other fields of a filter; a slip names its column.
func TestRunsByConditionsInWords(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	h.do("createWorkspace", `slug: "www"`, "workspace { slug }")
	for _, run := range []string{"a", "b", "c"} {
		h.do("startRun", `workspace: "www", id: "`+run+`", pipeline: {name: "p-`+run+`"}`, "run { runId }")
	}
	last := h.do("failRun", `workspace: "www", run: "b"`, "run { runId }")
	ask := func(filter string) string {
		t.Helper()
		a := h.as("owner", `{ workspace(slug: "www", atLeast: `+last.at("it.revision")+`) { runs(filter: {`+filter+`}) { nodes { runId } } } }`, nil)
		if len(a.Errors) > 0 {
			text, _ := a.Errors[0]["message"].(string)
			return text
		}
		return a.at("workspace.runs.nodes")
	}
	for filter, want := range map[string]string{
		`where: "status = failed"`:                                            `[{"runId":"b"}]`,
		`where: "pipeline != p-b and params.seed not exists"`:                 `[{"runId":"c"},{"runId":"a"}]`,
		`where: "pipeline in (p-a, p-b)", statuses: [RUNNING]`:                `[{"runId":"a"}]`,
		`where: "pipeline = nowhere"`:                                         `[]`,
		`where: "status = faild"`:                                             `filter.where, column 10: "faild" is no status`,
		`where: "status = lost", statuses: [RUNNING]`:                         `filter.where says status, and another field of the filter does too`,
		`where: "started > 2026-01-01", startedAfter: "2026-01-02T00:00:00Z"`: `filter.where says started`,
	} {
		if got := ask(filter); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", filter, got, want)
		}
	}
}
