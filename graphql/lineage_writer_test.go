package graphql_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/annals-io/annals/graphql/limit"
)

// TestLineageIsWrittenAsTheExecutorWrites asks the same walk in forms that are written whole, and with a field that is
// not: an answer does not show which.
func TestLineageIsWrittenAsTheExecutorWrites(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	h.do("createWorkspace", `slug: "www"`, "")
	var last string
	for i := range 6 {
		run := fmt.Sprintf(`workspace: "www", run: "r%d"`, i)
		h.do("startRun", fmt.Sprintf(`workspace: "www", id: "r%d", pipeline: {name: "p \"<%d>\" \\ é"}`, i, i%2), "")
		if i > 0 {
			h.do("consumeArtifactVersions", run+`, artifacts: [{artifact: {name: "data"}, role: "in \t \"1\""}]`, "")
		}
		last = h.do("produceArtifactVersions", run+`, artifacts: [{artifact: {name: "data"}}]`, "").at("it.revision")
		if i < 5 {
			h.do("completeRun", run, "")
		}
	}
	const nodes, edges = `id kind name status distance tombstone __typename`, `from to role __typename`
	for _, granularity := range []string{"VERSION", "ARTIFACT"} {
		a := h.ask(`query($no: Boolean!) { workspace(slug: "www", atLeast: `+last+`) { lineage(root: "data@3", granularity: `+granularity+`) {
			plain: nodes { `+nodes+` }
			made: nodes { `+nodes+` entity { __typename } }
			edges { `+edges+` }
			joined: edges { ...ends role ... on LineageEdge { target: to } role @skip(if: $no) hidden: role @include(if: $no) }
			compact { kind_: kinds ids names statuses distances from to roles __typename }
		} } } fragment ends on LineageEdge { source: from }`, map[string]any{"no": false})
		var l map[string]any
		if err := json.Unmarshal([]byte(a.at("workspace.lineage")), &l); err != nil {
			t.Fatal(err)
		}
		plain, made := l["plain"].([]any), l["made"].([]any)
		if len(plain) < 1 || granularity == "VERSION" && len(plain) < 6 {
			t.Fatalf("%d nodes: %v", len(plain), plain)
		}
		compact := l["compact"].(map[string]any)
		for i := range plain {
			m := made[i].(map[string]any)
			if m["entity"] == nil {
				t.Errorf("node %d has no entity: %v", i, m)
			}
			delete(m, "entity")
			if !reflect.DeepEqual(plain[i], made[i]) {
				t.Errorf("node %d is %v, by the executor %v", i, plain[i], made[i])
			}
			for one, all := range map[string]string{"kind": "kind_", "id": "ids", "name": "names", "status": "statuses", "distance": "distances"} {
				if got := compact[all].([]any)[i]; got != m[one] {
					t.Errorf("%s of node %d is %v in the compact form, %v otherwise", one, i, got, m[one])
				}
			}
		}
		if compact["__typename"] != "CompactLineage" {
			t.Errorf("the compact form is a %v", compact["__typename"])
		}
		for i, e := range l["edges"].([]any) {
			e := e.(map[string]any)
			from, to := index(compact["from"], i), index(compact["to"], i)
			if compact["ids"].([]any)[from] != e["from"] || compact["ids"].([]any)[to] != e["to"] || compact["roles"].([]any)[i] != e["role"] {
				t.Errorf("edge %d is %v, in the compact form from %d to %d", i, e, from, to)
			}
			j := l["joined"].([]any)[i].(map[string]any)
			if want := map[string]any{"source": e["from"], "role": e["role"], "target": e["to"]}; !reflect.DeepEqual(j, want) {
				t.Errorf("edge %d by fragments is %v, want %v", i, j, want)
			}
			if e["__typename"] != "LineageEdge" {
				t.Errorf("edge %d is a %v", i, e["__typename"])
			}
		}
		if granularity == "VERSION" && !strings.Contains(fmt.Sprint(compact["roles"]), "in \t \"1\"") {
			t.Errorf("roles are %v", compact["roles"])
		}
	}
}

func index(list any, i int) int {
	var n int
	_, _ = fmt.Sscan(fmt.Sprint(list.([]any)[i]), &n)
	return n
}
