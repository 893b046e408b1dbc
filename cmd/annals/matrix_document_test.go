package main

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/annals-io/annals/domain"
)

var writeMatrix = flag.Bool("update", false, "write docs/matrix.md anew")

// The matrix is written down for people, from the rows that the tests ask by: a field of any type, a mutation, a
// subscription or a route that is not in it fails this test.
func TestMatrixIsWritten(t *testing.T) {
	t.Parallel()
	schema := schemaOf(t, startServer(t))
	want := matrixDocument(t, schema)
	const path = "../../docs/matrix.md"
	if *writeMatrix {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("docs/matrix.md is not what the schema and the routes come to: say in matrix_rows_test.go what is new, and run this test with -update\n%s", firstDifference(string(got), want))
	}
}

// firstDifference is the first line in which two texts differ.
func firstDifference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d is\n%s\nand should be\n%s", i+1, a[i], b[i])
		}
	}
	return "one is longer"
}

const matrixHead = `# Who may ask what

Every field of GraphQL's roots, every route, and every field below: what it takes, and who has it by the built-in roles. It is written by
` + "`go test ./cmd/annals -run TestMatrixIsWritten -update`" + ` from the rows by which tests ask each of them, as each of these and as others (nobody, an outsider, a service account, members of a team, who is signed in by a browser or by a device code,
somebody suspended, custom roles, keys with less than all scopes, keys that have expired or were revoked), about one's own workspace, a foreign one, a deleted one and one that never was. What one may not see is answered as what never was, in
status, body and headers. There are two exceptions: whether a slug is free, and how many things lie behind a wall in lineage (see [workspaces.md](workspaces.md)).

`

// matrixDocument writes the matrix as a page.
func matrixDocument(t *testing.T, schema matrixSchema) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(matrixHead)
	for _, part := range []struct {
		title, what string
		rows        map[string]matrixRow
	}{{"GraphQL", "field", matrixFields}, {"HTTP", "route", matrixRoutes}} {
		shown := []string{"viewer", "member", "admin", "owner", "organization member", "organization admin", "organization owner"}
		fmt.Fprintf(&b, "## %s\n\n| %s | takes | %s |\n|%s\n", part.title, part.what, strings.Join(shown, " | "), strings.Repeat("---|", len(shown)+2))
		for _, name := range slices.Sorted(maps.Keys(part.rows)) {
			row := part.rows[name]
			fmt.Fprintf(&b, "| `%s` | %s |", name, row.said())
			for _, a := range actors() {
				if slices.Contains(shown, a.name) {
					b.WriteString(map[bool]string{true: " yes |", false: "  |"}[a.may(row) && row.place != ofOperators && row.place != nowhereAtAll])
				}
			}
			b.WriteString("\n")
		}
		b.WriteString("\n")
	}
	b.WriteString("## What is shown with what\n\nBelow the roots, each thing is shown to whoever may see what it hangs on.\n\n| type | shown to | fields |\n|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(schema.types)) {
		typ := schema.types[name]
		if typ.Kind != "OBJECT" || name == "Query" || name == "Mutation" || name == "Subscription" {
			continue
		}
		gate, ok := gateOf(name)
		if !ok {
			t.Errorf("%s: the matrix does not say to whom this type is shown: say it in matrix_rows_test.go", name)
		}
		var fields []string
		for _, f := range typ.Fields {
			said := f.Name
			if needs, ok := matrixBelow[name+"."+f.Name]; ok {
				said += " (takes `" + string(needs) + "`)"
			}
			fields = append(fields, said)
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", name, gate, strings.Join(fields, ", "))
	}
	for _, name := range slices.Sorted(maps.Keys(matrixTypes)) {
		if _, ok := schema.types[name]; !ok {
			t.Errorf("%s: there is no such type any more", name)
		}
	}
	return b.String()
}

// said is what a row takes, for people.
func (r matrixRow) said() string {
	switch {
	case r.place == ofOperators:
		return "an operator of the server"
	case r.place == nowhereAtAll:
		return "any credential"
	case r.people:
		return "to be a person"
	case r.needs == "":
		return "any credential"
	}
	return "`" + string(r.needs) + "`"
}

// gateOf says to whom a type is shown.
func gateOf(name string) (string, bool) {
	for _, ending := range []string{"Payload", "Connection", "Edge"} {
		if strings.HasSuffix(name, ending) {
			return "who asked for it", true
		}
	}
	gate, ok := matrixTypes[name]
	return gate, ok
}

// Those to whom types are shown.
const (
	byWorkspace    = "`" + string(domain.ReadWorkspace) + "`"
	byOrganization = "`" + string(domain.ReadOrganization) + "`"
	byPlace        = byWorkspace + " or " + byOrganization + " of its place; what is one's own, always"
	byAsking       = "who asked for it"
)
