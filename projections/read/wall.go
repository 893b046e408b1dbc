package read

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/domain"
)

// The roles that questions are asked as. None of them can log in, write, own anything or pass over row level security;
// the server's role is a member of all, and each connection of a DB from [Behind] takes the first on.
const (
	// Reader sees the rows of the one workspace whose number is in the setting annals.ws: none where it is not set.
	Reader = "annals_reader"
	// Surveyor sees the rows of the workspaces whose numbers are in the setting annals.workspaces. It is taken on for a
	// single transaction, by lists across workspaces.
	Surveyor = "annals_surveyor"
	// Crosser sees what Reader sees, and of a few tables every row: those that say which workspace something elsewhere
	// is in, and where somebody is a member. It is taken on for a single transaction, by statements whose answers are
	// not given out as they are, or are about one person.
	Crosser = "annals_crosser"
)

// Roles are all of them.
var Roles = []string{Reader, Surveyor, Crosser}

// May says whether whoever asks in a context may read what a name of the read models stands for: a workspace by its
// slug, organization/<slug>, account/<uuid>. It asks the rights anew and believes nobody who asked before: a resolver
// that forgot to check is what the wall is for.
type May func(ctx context.Context, scope domain.Slug) (bool, error)

// A guard is what a DB from [Behind] asks through.
type guard struct {
	may     May
	planned *pgxpool.Pool // of statements that are planned for their values
}

// Statements that begin a transaction: what they set ends with it, and so does the role.
const (
	enterSQL  = `SELECT set_config('annals.ws', $1, true)`
	crossSQL  = `SELECT set_config('annals.ws', $1, true), set_config('role', '` + Crosser + `', true)`
	surveySQL = `SELECT set_config('annals.workspaces', $1, true), set_config('role', '` + Surveyor + `', true)`
	// Those of lists of workspaces: statements of a dozen tables, whose plans are the same whoever asks.
	crossListSQL  = `SELECT set_config('annals.ws', $1, true), set_config('role', '` + Crosser + `', true), set_config('plan_cache_mode', 'force_generic_plan', true)`
	surveyListSQL = `SELECT set_config('annals.workspaces', $1, true), set_config('role', '` + Surveyor + `', true), set_config('plan_cache_mode', 'force_generic_plan', true)`
)

// Behind is a DB whose every statement passes the second wall: it runs as [Reader] on connections of its own, at most
// so many at once of each of two kinds, and in its transaction Postgres is told which workspace it may see, if any: that
// of the moment if may allows it. What may does not allow is as empty as a workspace that never was, whatever the
// statement says. Close it.
//
// The first wall is the check at the door and the workspace in each WHERE; this one holds where either was forgotten.
func Behind(ctx context.Context, config *pgxpool.Config, most int32, may May) (*DB, error) {
	pools := [2]*pgxpool.Pool{}
	for i, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe} {
		c := config.Copy()
		c.MaxConns, c.MinConns, c.ConnConfig.DefaultQueryExecMode, c.AfterConnect = most, 0, mode, becomeReader
		pool, err := pgxpool.NewWithConfig(ctx, c)
		if err != nil {
			return nil, fmt.Errorf("connect as %s: %w", Reader, err)
		}
		pools[i] = pool
	}
	d := New(pools[0])
	d.guard = &guard{may, pools[1]}
	return d, nil
}

func becomeReader(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.Exec(ctx, `SET ROLE `+Reader); err != nil {
		return fmt.Errorf("become %s: %w", Reader, err)
	}
	return nil
}

// Close ends the connections of a DB from [Behind].
func (d *DB) Close() {
	if d.guard != nil {
		d.guard.planned.Close()
		d.pool.Close()
	}
}

// Reset drops the connections of a DB from [Behind]: the database that they led to is gone.
func (d *DB) Reset() {
	if d.guard != nil {
		d.guard.planned.Reset()
		d.pool.Reset()
	}
}

// For is a moment of one place that is read to answer about another: an organization's roster says who may do what in
// its workspaces, also to those who do not see the organization. The wall lets through who may see the other place.
func (m Moment) For(other Moment) Moment {
	m.sake = other.sakeOr()
	return m
}

// sakeOr is the name by which it is decided who may read at the moment.
func (m Moment) sakeOr() domain.Slug {
	if m.sake != "" {
		return m.sake
	}
	return m.Slug
}

// Sake is the name by which it is decided who may read at the moment: its own place's, unless it is read [Moment.For] another.
func (m Moment) Sake() domain.Slug { return m.sakeOr() }

// blindly is a moment at which a walk counts what lies in a workspace that whoever asks may not see. Nothing that is read
// at it is given out but numbers.
func (m Moment) blindly() Moment {
	m.blind = true
	return m
}

// sees says whether whoever asks may read at a moment. Those ask it too who answer from memory.
func (d *DB) sees(ctx context.Context, m Moment) (bool, error) {
	if d.guard == nil || m.blind {
		return true, nil
	}
	ok, err := d.guard.may(ctx, m.sakeOr())
	if err != nil {
		return false, fmt.Errorf("ask who may read %s: %w", m.sakeOr(), err)
	}
	return ok, nil
}

// enter queues what lets the statements behind it see a moment's workspace, or nothing.
func (d *DB) enter(ctx context.Context, b *pgx.Batch, as string, m Moment) error {
	if d.guard == nil {
		return nil
	}
	ok, err := d.sees(ctx, m)
	if err != nil {
		return err
	}
	number := ""
	if ok {
		number = strconv.Itoa(int(m.Number))
	}
	b.Queue(as, number)
	return nil
}

// send runs statements about one workspace: one round trip, and behind the wall one transaction, which a batch is.
func (d *DB) send(ctx context.Context, m Moment, batch *pgx.Batch) error {
	return d.sendAs(ctx, d.pool, enterSQL, m, batch)
}

func (d *DB) sendAs(ctx context.Context, pool *pgxpool.Pool, as string, m Moment, batch *pgx.Batch) error {
	entered := &pgx.Batch{}
	if err := d.enter(ctx, entered, as, m); err != nil {
		return err
	}
	entered.QueuedQueries = append(entered.QueuedQueries, batch.QueuedQueries...)
	return pool.SendBatch(ctx, entered).Close()
}

// query runs one statement at a moment and gives its rows to take. The statement is in the moment's schema already.
func (d *DB) query(ctx context.Context, m Moment, planned bool, statement string, values []any, take func(pgx.Rows) error) error {
	if d.guard != nil {
		pool := d.pool
		if planned {
			pool = d.guard.planned
		}
		b := &pgx.Batch{}
		b.Queue(statement, values...).Query(take)
		return d.sendAs(ctx, pool, enterSQL, m, b)
	}
	if planned {
		values = append([]any{pgx.QueryExecModeCacheDescribe}, values...)
	}
	rows, err := d.pool.Query(ctx, statement, values...)
	if err != nil {
		return err
	}
	defer rows.Close()
	return take(rows)
}

// across is [list] as [Crosser].
func across[T any](ctx context.Context, d *DB, m Moment, what, statement string, scan pgx.RowToFunc[T], values ...any) (out []T, err error) {
	b := &pgx.Batch{}
	b.Queue(d.text(m, statement), append([]any{m.Number, m.Revision}, values...)...).Query(func(rows pgx.Rows) (err error) {
		out, err = pgx.CollectRows(rows, scan)
		return err
	})
	if err := d.sendAs(ctx, d.pool, crossSQL, m, b); err != nil {
		return nil, fmt.Errorf("%s of %s: %w", what, m.Slug, err)
	}
	return out, nil
}

// survey runs one statement about several workspaces of one model: the moments' numbers are $1, their revisions $2, in
// the same order, as arrays. Those that may not be read are left out.
func survey[T any](ctx context.Context, d *DB, moments []Moment, what, statement string, scan pgx.RowToFunc[T], values ...any) (out []T, err error) {
	var numbers []int32
	var revisions []int64
	var list strings.Builder
	for _, m := range moments {
		if m.Schema != moments[0].Schema {
			return nil, fmt.Errorf("%s: the moments are of %s and %s", what, moments[0].Schema, m.Schema)
		}
		ok, err := d.sees(ctx, m)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		if list.Len() > 0 {
			list.WriteByte(',')
		}
		list.WriteString(strconv.Itoa(int(m.Number)))
		numbers, revisions = append(numbers, m.Number), append(revisions, int64(m.Revision))
	}
	if len(numbers) == 0 {
		return nil, nil
	}
	b := &pgx.Batch{}
	if d.guard != nil {
		b.Queue(surveySQL, "{"+list.String()+"}")
	}
	b.Queue(d.text(moments[0], statement), append([]any{numbers, revisions}, values...)...).Query(func(rows pgx.Rows) (err error) {
		out, err = pgx.CollectRows(rows, scan)
		return err
	})
	if err := d.pool.SendBatch(ctx, b).Close(); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return out, nil
}
