package pgtest_test

import (
	"context"
	"testing"

	"github.com/annals-io/annals/internal/pgtest"
)

func TestPoolIsAnEmptyDatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"one", "another", "a third"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := pgtest.Pool(t)
			if _, err := pool.Exec(context.Background(), `CREATE TABLE alone (id int)`); err != nil {
				t.Fatal(err)
			}
		})
	}
}
