package graphql_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/annals-io/annals/graphql/limit"
)

// Rows of workspaces that are written at once are those that the executor writes, now and as of an earlier moment, whatever
// names and fragments the fields are asked by.
func TestWorkspacesAreWrittenAsTheExecutorWrites(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	h.team("core")
	h.do("createWorkspace", `slug: "one", name: "the \"<one>\" \\ \t é", description: "what \"it\" is for", kind: ENVIRONMENT, environment: STAGING, sensitivity: INTERNAL, team: "core", labels: [{key: "tier", value: "\"gold\""}, {key: "a", value: ""}]`, "")
	h.do("createWorkspace", `slug: "two"`, "")
	h.do("startRun", `workspace: "two", id: "r1", pipeline: {name: "train"}`, "")
	h.do("renameWorkspace", `workspace: "two", name: "Two"`, "")
	then := h.ask(`{ workspace(slug: "two") { lastActivityAt } }`).at("workspace.lastActivityAt")
	h.do("startRun", `workspace: "two", id: "r2", pipeline: {name: "train"}`, "")
	h.do("archiveWorkspace", `workspace: "one"`, "")
	const fields = `id slug name description status kind environment sensitivity team organizationSlug hidesCounts labels { key value __typename } label: labels { value }
		createdAt updatedAt lastActivityAt createdRevision revision memberCount asOf { revision time settled __typename } __typename
		counts { pipelines runs steps artifacts artifactVersions __typename } myRole { role through permissions __typename }
		... on Node { again: id } ...more edges: labels { k: key } hidden: name @include(if: $no) slug @skip(if: $no)`
	const more = ` fragment more on Versioned { rev: revision at: createdAt }`
	for when, at := range map[string]string{"now": "", "then": `(asOf: {time: "` + then + `"})`} {
		var list map[string][]map[string]any
		a := h.ask(`query($no: Boolean!) { workspaces`+at+` { plain: nodes { `+fields+` } made: nodes { `+fields+` viewerAccess { read } }
			edges { cursor node { `+fields+` } __typename } others: edges { cursor node { `+fields+` viewerAccess { read } } __typename } } }`+more, map[string]any{"no": false})
		if err := json.Unmarshal([]byte(a.at("workspaces")), &list); err != nil {
			t.Fatal(err)
		}
		if len(list["plain"]) != 2 || len(list["edges"]) != 2 {
			t.Fatalf("%s: %v", when, list)
		}
		for i := range 2 {
			for what, pair := range map[string][2]any{"node": {list["plain"][i], list["made"][i]}, "edge": {list["edges"][i], list["others"][i]}} {
				made := pair[1].(map[string]any)
				if node, is := made["node"].(map[string]any); is {
					made = node
				}
				if made["viewerAccess"] == nil {
					t.Errorf("%s: %s %d was not made by the executor", when, what, i)
				}
				delete(made, "viewerAccess")
				if !reflect.DeepEqual(pair[0], pair[1]) {
					t.Errorf("%s: %s %d is\n%v, by the executor\n%v", when, what, i, pair[0], pair[1])
				}
			}
		}
	}
}
