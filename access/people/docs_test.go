package people_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/annals-io/annals/domain"
)

var update = flag.Bool("update", false, "write the table of permissions into docs/access.md")

const docs = "../../docs/access.md"

// The page says of each permission what it is and who has it, as the model has it.
func TestDocsListThePermissions(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "-update` -->\n", "<!-- end of permissions -->"
	before, rest, ok := strings.Cut(string(raw), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("the page has no place for the permissions")
	}
	want := before + begin + permissionTables() + end + after
	if *update {
		if err := os.WriteFile(docs, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(raw) != want {
		t.Error("docs/access.md lists other permissions than package domain: write it anew by go test ./access/people -run Docs -update")
	}
}

// permissionTables are a table for each level, of what only that level has.
func permissionTables() string {
	var b strings.Builder
	inWorkspaces := domain.Permissions(domain.WorkspaceLevel)
	for _, level := range []struct {
		level domain.Level
		roles []domain.RoleRef
		of    []domain.Permission
	}{
		{domain.WorkspaceLevel, []domain.RoleRef{domain.Viewer, domain.Member, domain.Admin, domain.Owner}, inWorkspaces},
		{domain.OrganizationLevel, []domain.RoleRef{domain.Member, domain.Admin, domain.Owner}, slices.DeleteFunc(domain.Permissions(domain.OrganizationLevel), func(p domain.Permission) bool {
			return slices.Contains(inWorkspaces, p)
		})},
	} {
		fmt.Fprintf(&b, "\n| in a%s | what it lets one do |", map[bool]string{true: " workspace", false: "n organization"}[level.level == domain.WorkspaceLevel])
		for _, r := range level.roles {
			fmt.Fprintf(&b, " %s |", r)
		}
		b.WriteString(" custom |\n|---|---|" + strings.Repeat("---|", len(level.roles)+1) + "\n")
		for _, p := range level.of {
			fmt.Fprintf(&b, "| `%s` | %s |", p, p.About())
			for _, r := range level.roles {
				has, _ := domain.BuiltinPermissions(level.level, r)
				fmt.Fprintf(&b, " %s |", yes(slices.Contains(has, p)))
			}
			fmt.Fprintf(&b, " %s |\n", yes(domain.Customizable(p)))
		}
	}
	b.WriteByte('\n')
	return b.String()
}

func yes(so bool) string {
	if so {
		return "yes"
	}
	return ""
}
