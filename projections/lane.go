package projections

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"
	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// A lane is a share of a projection's streams, during one tenure. It begins where the database says, and ends as
// soon as what it knows may be untrue: a lost connection, a lost lease, a place that somebody moved.
type lane struct {
	e     *Engine
	p     *projection
	index int
	lease lease
	stop  context.CancelCauseFunc
	at    atomic.Pointer[eventstore.Position] // where the last page was committed
}

// run projects the lane until ctx ends; it answers why.
func (l *lane) run(ctx context.Context) error {
	from, err := l.from(ctx)
	if err != nil {
		return fmt.Errorf("read where lane %d of %s is: %w", l.index, l.p.schema, err)
	}
	l.at.Store(&from)
	f := &feed{store: l.e.Store, after: from, limit: l.e.PageSize, rest: l.e.Rest, route: l.route, fail: l.stop}
	if l.p == l.e.states {
		f.linger = l.e.StatesLinger
	}
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: l.e.PageTimeout}, quiet{l.e.Log})
	if err != nil {
		return fmt.Errorf("make a router: %w", err)
	}
	poison, err := middleware.PoisonQueueWithFilter(parker{l, ctx}, l.p.schema+".parked", func(err error) bool {
		return poisonous(err) || timedOut(ctx, err)
	})
	if err != nil {
		return fmt.Errorf("make the poison queue: %w", err)
	}
	retry := middleware.Retry{
		MaxRetries: 5, InitialInterval: 10 * time.Millisecond, MaxInterval: time.Second, Multiplier: 3, RandomizationFactor: 0.5,
		ShouldRetry: func(r middleware.RetryParams) bool {
			return passing(r.Err) && !restarts(r.Err) && !timedOut(ctx, r.Err)
		},
		ResetContextOnRetry: true, // else the time of the first attempt would be that of all
	}
	router.AddMiddleware(l.measured, correlated, poison, retry.Middleware, middleware.Timeout(l.e.PageTimeout), middleware.Recoverer)
	topic := l.lease.name
	router.AddConsumerHandler(topic, topic, f, func(m *message.Message) error { return l.handle(m.Context(), batchOf(m)) })
	if err := router.Run(ctx); err != nil {
		return fmt.Errorf("run the router: %w", err)
	}
	return context.Cause(ctx)
}

// handle applies a page and moves the lane, in one transaction; gaps are filled first, in transactions of their own.
func (l *lane) handle(ctx context.Context, b *batch) error {
	w := work{parts: b.parts, fence: &l.lease, place: &place{l.index, b.from, b.to}}
	for range len(b.parts) + 1 {
		err := l.p.transact(ctx, w)
		var gap *gapError
		if !errors.As(err, &gap) {
			if err == nil {
				l.at.Store(&b.to)
			}
			return err
		}
		if _, err := l.p.fill(ctx, gap, work{fence: &l.lease}); err != nil {
			return err
		}
	}
	return errMoved // as many gaps as streams, and one more: somebody else is at work here
}

// A parker is the poison queue: it takes a page apart, applies what can be applied and parks, durably, what cannot.
type parker struct {
	*lane
	ctx context.Context // the tenure's: the message's may have ended
}

// Publish takes the pages apart. On an error the page comes again; what was applied is skipped then.
func (q parker) Publish(_ string, messages ...*message.Message) error {
	for _, m := range messages {
		b := batchOf(m)
		for _, some := range b.parts {
			if _, err := q.p.advance(q.ctx, some, work{fence: &q.lease}); err != nil {
				return err
			}
		}
		if err := q.p.transact(q.ctx, work{fence: &q.lease, place: &place{q.index, b.from, b.to}}); err != nil {
			return err
		}
		q.at.Store(&b.to)
	}
	return nil
}

// Close does nothing.
func (parker) Close() error { return nil }

// measured tells the hook of every page, and ends the tenure where what it knows may be untrue.
func (l *lane) measured(next message.HandlerFunc) message.HandlerFunc {
	return func(m *message.Message) ([]*message.Message, error) {
		b, began := batchOf(m), time.Now()
		out, err := next(m)
		if err != nil && (restarts(err) || broken(err)) {
			l.stop(err)
		}
		info := PageInfo{Model: l.p.schema, Lane: l.index, Events: b.events, Streams: len(b.parts), Took: time.Since(began), Err: err}
		if !b.recorded.IsZero() {
			info.Lag = time.Since(b.recorded)
		}
		if m := l.e.live.Load(); m != nil && m.Schema == l.p.schema && b.events > 0 {
			l.e.lately.Store(&lateness{info.Lag, time.Now()})
		}
		if hook := l.e.Hooks.Page; hook != nil {
			hook(info)
		}
		return out, err
	}
}

// correlated gives each page the id that log lines about it share, and passes it on to what a handler publishes.
func correlated(next message.HandlerFunc) message.HandlerFunc {
	passed := middleware.CorrelationID(next)
	return func(m *message.Message) ([]*message.Message, error) {
		middleware.SetCorrelationID(m.UUID, m)
		return passed(m)
	}
}

// route picks the lane's parts of a page of the log, after giving streams that are new their numbers.
func (l *lane) route(ctx context.Context, events []domain.Recorded) ([]part, int, error) {
	var fresh []string
	asked := map[domain.Stream]bool{}
	for i := range events {
		s := events[i].Stream
		if asked[s] {
			continue
		}
		asked[s] = true
		if name, ok := l.p.name(s); ok {
			if _, known := l.p.numbers.get(name); !known {
				fresh = append(fresh, name)
			}
		}
	}
	if len(fresh) > 0 {
		if err := l.p.numbers.learn(ctx, fresh); err != nil {
			return nil, 0, err
		}
	}
	parts, count := split(events, func(s domain.Stream) (int32, string, bool) {
		name, ok := l.p.name(s)
		if !ok {
			return 0, "", false
		}
		number, ok := l.p.numbers.get(name)
		return number, name, ok && int(number)%l.p.lanes == l.index
	})
	return parts, count, nil
}

// from is where the lane goes on reading. A lane that is new begins where the lanes of another division have all
// come, else at the beginning.
func (l *lane) from(ctx context.Context) (eventstore.Position, error) {
	at, err := l.p.from(ctx, l.index)
	if err != nil {
		return at, err
	}
	_, err = l.e.Pool.Exec(ctx, l.p.sql.seed, laneRow(l.p.lanes, l.index), at.Commit, at.Prepare)
	return at, err
}

func (p *projection) from(ctx context.Context, index int) (at eventstore.Position, err error) {
	var commit, prepare string
	err = p.e.Pool.QueryRow(ctx, p.sql.from, laneRow(p.lanes, index)).Scan(&commit, &prepare)
	if errors.Is(err, pgx.ErrNoRows) {
		return at, nil
	}
	if err != nil {
		return at, err
	}
	return parsePosition(commit, prepare)
}

// places is where the lanes are, as the database has it, by index.
func (p *projection) places(ctx context.Context) (map[int]eventstore.Position, error) {
	rows, _ := p.e.Pool.Query(ctx, p.sql.places, p.lanes)
	at := map[int]eventstore.Position{}
	var row int
	var commit, prepare string
	_, err := pgx.ForEachRow(rows, []any{&row, &commit, &prepare}, func() (err error) {
		at[row-laneRow(p.lanes, 0)], err = parsePosition(commit, prepare)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read where the lanes of %s are: %w", p.schema, err)
	}
	return at, nil
}

func parsePosition(commit, prepare string) (at eventstore.Position, err error) {
	if at.Commit, err = strconv.ParseUint(commit, 10, 64); err != nil {
		return at, err
	}
	at.Prepare, err = strconv.ParseUint(prepare, 10, 64)
	return at, err
}

// quiet is Watermill's log: its Info is what we would call debugging, and its errors come to us as errors too.
type quiet struct{ log *slog.Logger }

func (q quiet) Error(msg string, err error, f watermill.LogFields) {
	q.log.Debug(msg, append(attrs(f), "error", err)...)
}
func (q quiet) Info(msg string, f watermill.LogFields)  { q.log.Debug(msg, attrs(f)...) }
func (q quiet) Debug(msg string, f watermill.LogFields) {}
func (q quiet) Trace(msg string, f watermill.LogFields) {}

// With keeps the fields.
func (q quiet) With(f watermill.LogFields) watermill.LoggerAdapter {
	return quiet{q.log.With(attrs(f)...)}
}

func attrs(f watermill.LogFields) []any {
	out := make([]any, 0, 2*len(f))
	for k, v := range f {
		out = append(out, k, v)
	}
	return out
}
