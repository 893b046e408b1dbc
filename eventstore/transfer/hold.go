package transfer

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	holdSQL    = `SELECT pg_try_advisory_lock(hashtextextended('annals copy', 0))`
	releaseSQL = `SELECT pg_advisory_unlock(hashtextextended('annals copy', 0))`

	// ServerName is the application_name of a server's connections. Those of a copy have another.
	ServerName = "annals"

	serversSQL = `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1 AND pid <> pg_backend_pid()`
)

// hold takes both databases for this copy alone, and makes sure that no server runs on them.
func (c *copying) hold(ctx context.Context) (release func(), err error) {
	var held []*pgxpool.Conn
	release = func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		for _, conn := range held {
			if _, err := conn.Exec(ctx, releaseSQL); err != nil {
				_ = conn.Conn().Close(ctx) // which releases it too
			}
			conn.Release()
		}
	}
	for _, side := range c.sides() {
		conn, err := side.pool.Acquire(ctx)
		if err != nil {
			release()
			return nil, fmt.Errorf("connect to the database of the %s: %w", side.name, err)
		}
		var ours bool
		if err := conn.QueryRow(ctx, holdSQL).Scan(&ours); err != nil || !ours {
			conn.Release()
			release()
			if err != nil {
				return nil, fmt.Errorf("take the database of the %s: %w", side.name, err)
			}
			return nil, &BusyError{Side: side.name, What: "another copy is at work on its database, or it is the database of both sides"}
		}
		held = append(held, conn)
	}
	if err := c.idle(ctx); err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// leaving is how often to look before somebody is taken for running: connections of a server that has just ended take
// a moment to go.
const leaving = 15

type side struct {
	name string
	pool *pgxpool.Pool
}

func (c *copying) sides() []side {
	return []side{{"source", c.from.Pool()}, {"target", c.to.Pool()}}
}

// idle refuses databases that a server is connected to.
func (c *copying) idle(ctx context.Context) error {
	for _, side := range c.sides() {
		n := 0
		for try := range leaving {
			if err := side.pool.QueryRow(ctx, serversSQL, ServerName).Scan(&n); err != nil {
				return fmt.Errorf("look who is connected to the database of the %s: %w", side.name, err)
			}
			if n == 0 {
				break
			}
			if try+1 == leaving {
				return &BusyError{Side: side.name, What: fmt.Sprintf("a server is connected to its database (%d connections)", n)}
			}
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}
