package read

import (
	"context"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

func TestScaleLineage(t *testing.T) {
	url := os.Getenv("SCALE")
	if url == "" {
		t.Skip()
	}
	pool, err := pgxpool.New(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	db := New(pool)
	ctx := context.Background()
	head := Moment{Slug: "x", Number: 2, Schema: "read_9", Revision: 3000400}
	mid := head
	mid.Revision = 2500000
	rows, _ := pool.Query(ctx, "select key from read_9.artifact_versions where ws=2 and key % 7 = 0 order by key desc limit 100000")
	versions, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		t.Fatal(err)
	}
	rows, _ = pool.Query(ctx, "select version from read_9.lineage_edges where ws=2 and direction=0 group by version having count(*)>100 limit 200")
	hubs, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		t.Fatal(err)
	}
	t.Log(len(versions), len(hubs))
	for _, c := range []struct {
		name  string
		roots []int64
		kind  domain.Kind
		q     LineageQuery
	}{
		{"up 5", versions, domain.KindArtifactVersion, LineageQuery{Up: true, Depth: 5, MaxNodes: 1000}},
		{"up 50 1000", versions, domain.KindArtifactVersion, LineageQuery{Up: true, Depth: 50, MaxNodes: 1000}},
		{"down 50 1000", versions, domain.KindArtifactVersion, LineageQuery{Down: true, Depth: 50, MaxNodes: 1000}},
		{"both 6 500", versions, domain.KindArtifactVersion, LineageQuery{Up: true, Down: true, Depth: 6, MaxNodes: 500}},
		{"hub down", hubs, domain.KindArtifactVersion, LineageQuery{Down: true, Depth: 5, MaxNodes: 1000}},
		{"collapse", versions, domain.KindArtifactVersion, LineageQuery{Up: true, Depth: 50, MaxNodes: 1000, Collapse: true}},
		{"artifacts up", nil, domain.KindArtifact, LineageQuery{Up: true, Depth: 50, MaxNodes: 1000, Granularity: ByArtifact}},
		{"artifacts down", nil, domain.KindArtifact, LineageQuery{Down: true, Depth: 50, MaxNodes: 1000, Granularity: ByArtifact}},
		{"up 10000", versions, domain.KindArtifactVersion, LineageQuery{Up: true, Depth: 50, MaxNodes: 10000}},
	} {
		for _, m := range []Moment{head, mid} {
			var took []time.Duration
			nodes, edges := 0, 0
			r := rand.New(rand.NewPCG(1, 2))
			for range 150 {
				root := int64(1025 + r.IntN(100000))
				if c.roots != nil {
					root = c.roots[r.IntN(len(c.roots))]
				}
				c.q.Roots = []Node{{c.kind, root}}
				start := time.Now()
				g, err := db.Lineage(ctx, m, c.q)
				if err != nil {
					t.Fatal(err)
				}
				took = append(took, time.Since(start))
				nodes += len(g.Nodes)
				edges += len(g.Edges)
			}
			slices.Sort(took)
			t.Logf("%-16s %8d nodes %5d edges %5d p50 %7.2f p99 %7.2f max %7.2f", c.name, m.Revision, nodes/150, edges/150, ms(took[75]), ms(took[148]), ms(took[149]))
		}
	}
}
