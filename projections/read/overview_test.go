package read

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/annals-io/annals/domain"
)

// Whoever sees few workspaces, or asks for few, sees them all, either way, however few of them a list looks at in its order
// before it collects what somebody sees.
func TestFewOfManyWorkspaces(t *testing.T) {
	t.Parallel()
	d, pool := newModel(t)
	const many, each = 60, 7
	fill := strings.NewReplacer("read.", testSchema+".", "$1", fmt.Sprint(many), "$2", fmt.Sprint(each))
	for _, sql := range []string{
		`INSERT INTO read.workspaces (ws, since, slug, name, organization, created_at) SELECT n, 0, 'w-' || lpad(n::text, 2, '0'), CASE WHEN n % 13 = 0 THEN 'Odd' ELSE 'Even' END, 'acme', now() FROM generate_series(1, $1) n`,
		`INSERT INTO read.members (ws, since, member, roles, suspended) SELECT n, 0, 'account:few', '{viewer}', false FROM generate_series(1, $1) n WHERE n % $2 = 0`,
		`INSERT INTO read.members (ws, since, member, roles, suspended) SELECT n, 0, 'account:all', '{viewer}', false FROM generate_series(1, $1) n`,
	} {
		if _, err := pool.Exec(t.Context(), fill.Replace(sql)); err != nil {
			t.Fatal(err)
		}
	}
	slugs := func(each int) (out []string) {
		for n := each; n <= many; n += each {
			out = append(out, fmt.Sprintf("w-%02d", n))
		}
		return out
	}
	for name, c := range map[string]struct {
		who, text string
		want      []string
	}{
		"who sees few": {"few", "", slugs(each)}, "who asks for few": {"all", "odd", slugs(13)}, "who sees all": {"all", "", slugs(1)}, "who sees nothing": {"none", "", nil},
	} {
		for _, back := range []bool{false, true} {
			for _, list := range []int{0, 1, 3, 200} {
				d.list = list
				q := OverviewQuery{Who: domain.Grantee{Kind: domain.AccountGrantee, ID: c.who}, Text: c.text, Page: Page{Limit: 3, Back: back}}
				var got []string
				for more := true; more; {
					seen, err := d.Sightings(t.Context(), testSchema, q)
					if err != nil {
						t.Fatal(err)
					}
					if more = len(seen) > q.Page.Limit; more && back {
						seen = seen[len(seen)-q.Page.Limit:]
					} else if more {
						seen = seen[:q.Page.Limit]
					}
					var page []string
					for _, s := range seen {
						page = append(page, string(s.Slug))
					}
					if back {
						got = append(page, got...)
					} else {
						got = append(got, page...)
					}
					if more {
						q.Page.After = &Mark{Value: map[bool]string{false: page[len(page)-1], true: page[0]}[back]}
					}
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("%s, backwards %t, looking at %d: %v, want %v", name, back, list, got, c.want)
				}
			}
		}
	}
}
