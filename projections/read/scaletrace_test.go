package read

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

type timer struct{ t *testing.T }
type timerKey struct{}

func (r timer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	n := 0
	if len(d.Args) > 2 {
		if s, ok := d.Args[2].([]int64); ok {
			n = len(s)
		}
	}
	r.t.Logf("  start %d keys %.60s", n, strings.ReplaceAll(d.SQL, "\n", " "))
	return context.WithValue(ctx, timerKey{}, time.Now())
}
func (r timer) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryEndData) {
	r.t.Logf("  end %v %.2f", d.CommandTag, ms(time.Since(ctx.Value(timerKey{}).(time.Time))))
}
func (r timer) TraceBatchStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceBatchStartData) context.Context {
	return context.WithValue(ctx, timerKey{}, time.Now())
}
func (r timer) TraceBatchQuery(ctx context.Context, _ *pgx.Conn, d pgx.TraceBatchQueryData) {
	r.t.Logf("  batch query %v %.2f", d.CommandTag, ms(time.Since(ctx.Value(timerKey{}).(time.Time))))
}
func (r timer) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, d pgx.TraceBatchEndData) {
	r.t.Logf("  batch end %.2f", ms(time.Since(ctx.Value(timerKey{}).(time.Time))))
}

func TestScaleTrace(t *testing.T) {
	url := os.Getenv("SCALE")
	if url == "" {
		t.Skip()
	}
	cfg, _ := pgxpool.ParseConfig(url)
	cfg.ConnConfig.Tracer = timer{t}
	cfg.MaxConns = 1
	pool, err := pgxpool.NewWithConfig(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	db := New(pool)
	m := Moment{Slug: "x", Number: 2, Schema: "read_9", Revision: 3000400}
	var root int64
	if err := pool.QueryRow(context.Background(), "select key from read_9.artifact_versions where ws=2 order by key desc offset 1000 limit 1").Scan(&root); err != nil {
		t.Fatal(err)
	}
	q := LineageQuery{Up: true, Depth: 50, MaxNodes: 1000, Roots: []Node{{domain.KindArtifactVersion, root}}}
	if os.Getenv("Q") == "artifact" {
		q = LineageQuery{Up: true, Depth: 50, MaxNodes: 1000, Granularity: ByArtifact, Roots: []Node{{domain.KindArtifact, 60000}}}
	}
	for range 8 {
		start := time.Now()
		g, err := db.Lineage(context.Background(), m, q)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("ALL %d nodes %.2f", len(g.Nodes), ms(time.Since(start)))
	}
}
