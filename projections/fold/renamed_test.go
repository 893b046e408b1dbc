package fold_test

import (
	"context"
	"slices"
	"testing"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/projections/read"
)

// What was renamed is found by its earlier name too, from the fact that says so on; likewise a run by a title.
func TestSearchKnowsEarlierNames(t *testing.T) {
	t.Parallel()
	s := newStory()
	s.writes(run("a", "j"), 1, 2, io("orders")) // 1 to 3
	renamed, was := io("orders"), data("staging_orders")
	renamed.Lifecycle, renamed.Renamed = "RENAME", &was
	s.says(3, produced(run("a", "j"), domain.Succeeded, renamed))                                    // 4
	s.says(4, domain.RunReported{Phase: domain.Annotated, Run: run("a", "j"), Name: "Nightly load"}) // 5
	eachWay(t, s, nil, func(m *model) {
		db := read.New(m.pool)
		for _, c := range []struct {
			text string
			at   domain.Revision
			want []string
		}{
			{"orders", 3, []string{"orders"}}, {"staging", 3, nil}, {"staging", 4, []string{"orders"}}, {"staging_orders", 5, []string{"orders"}},
			{"nightly", 4, nil}, {"nightly load", 5, []string{"Nightly load"}},
		} {
			hits, err := db.Search(context.Background(), read.Moment{Slug: slug, Number: ws, Schema: m.schema, Revision: c.at}, c.text, nil, 10)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, h := range hits {
				got = append(got, h.Name)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("search %q as of %d finds %q, want %q", c.text, c.at, got, c.want)
			}
		}
	})
}
