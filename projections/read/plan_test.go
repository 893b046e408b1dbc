package read

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A recorder keeps the statements that were run on a pool, so that a test can ask how they were planned.
type recorder struct {
	mu     sync.Mutex
	runs   []pgx.TraceQueryStartData
	walled bool
}

func (r *recorder) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(data.Args) > 0 {
		if _, ok := data.Args[0].(pgx.QueryExecMode); ok {
			data.Args = data.Args[1:]
		}
	}
	r.runs = append(r.runs, data)
	return ctx
}

func (r *recorder) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (r *recorder) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}

func (r *recorder) TraceBatchQuery(_ context.Context, _ *pgx.Conn, data pgx.TraceBatchQueryData) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.runs = append(r.runs, pgx.TraceQueryStartData{SQL: data.SQL, Args: data.Args})
}

func (r *recorder) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// recorded is a DB on the same database whose statements are kept; where the wall is up, it is behind it.
func recorded(t testing.TB, pool *pgxpool.Pool, walled bool) (*DB, *recorder) {
	t.Helper()
	config := pool.Config()
	r := &recorder{walled: walled}
	config.ConnConfig.Tracer = r
	config.MaxConns = 1
	if walled {
		return behind(t, config, everything), r
	}
	traced, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(traced.Close)
	return New(traced), r
}

// plans are the plans of the statements since the last call.
func (r *recorder) plans(t testing.TB, pool *pgxpool.Pool, options string) []string {
	t.Helper()
	r.mu.Lock()
	runs := r.runs
	r.runs = nil
	r.mu.Unlock()
	var out []string
	explain := func(tx pgx.Tx) error {
		for _, q := range runs {
			if strings.Contains(q.SQL, "set_config(") { // as it was asked: who sees what
				if _, err := tx.Exec(context.Background(), `RESET ROLE`); err != nil {
					return err
				}
				if _, err := tx.Exec(context.Background(), `SET LOCAL ROLE `+Reader); err != nil {
					return err
				}
				if _, err := tx.Exec(context.Background(), q.SQL, q.Args...); err != nil {
					return err
				}
				continue
			}
			if !strings.Contains(strings.ToUpper(q.SQL), "SELECT") {
				continue
			}
			args := append([]any{pgx.QueryExecModeCacheDescribe}, q.Args...)
			rows, err := tx.Query(context.Background(), "EXPLAIN ("+options+") "+q.SQL, args...)
			if err != nil {
				return err
			}
			lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
			if err != nil {
				return err
			}
			out = append(out, strings.Join(lines, "\n"))
		}
		return nil
	}
	if err := pgx.BeginFunc(context.Background(), pool, explain); err != nil {
		t.Fatalf("explain: %v", err)
	}
	return out
}
