package projections

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
)

const organizationsSQL = `
SELECT number, stream FROM states.streams
WHERE number > $1 AND stream LIKE 'organization-%'
ORDER BY number`

// Organizations answers the organizations that were found in the log after a mark, and the mark after them; the zero
// mark is before all. They are found a moment after they were created.
func (e *Engine) Organizations(ctx context.Context, after int32) (slugs []domain.Slug, mark int32, err error) {
	mark = after
	rows, _ := e.Pool.Query(ctx, organizationsSQL, after)
	var stream string
	_, err = pgx.ForEachRow(rows, []any{&mark, &stream}, func() error {
		slugs = append(slugs, domain.Slug(strings.TrimPrefix(stream, "organization-")))
		return nil
	})
	if err != nil {
		return nil, after, fmt.Errorf("list the organizations: %w", err)
	}
	return slugs, mark, nil
}

// strangersSQL finds the organizations and accounts whose streams are known and of which a read model has nothing.
const strangersSQL = `
SELECT s.stream, s.scope
FROM (SELECT stream, CASE WHEN stream LIKE 'organization-%' THEN 'organization/' || substr(stream, 14) ELSE 'account/' || substr(stream, 9) END AS scope
      FROM states.streams WHERE stream LIKE 'organization-%' OR stream LIKE 'account-%') s
LEFT JOIN log.workspaces w ON w.slug = s.scope
LEFT JOIN read.progress p ON p.ws = w.number
WHERE p.ws IS NULL
ORDER BY s.stream`

// adopting is how often it is looked whether this build's own model is the live one, which it is not while a newer
// version builds its own.
const adopting = 2 * time.Second

// adoptAll projects the organizations and accounts that the live model has nothing of: their last event lies where the
// lanes came by before read models knew of them. It is done once, when the live model is one that this build makes.
func (e *Engine) adoptAll(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		m, err := e.liveModel(ctx)
		if err == nil && e.projectable(*m) {
			if err = e.adopt(ctx, e.projected(m.Schema)); err == nil {
				return
			}
		}
		if err != nil && ctx.Err() == nil {
			e.Log.Warn("organizations and accounts of earlier versions are not projected yet; trying again", "error", err)
		}
		timer.Reset(adopting)
	}
}

// adopt projects what is a stranger to a model.
func (e *Engine) adopt(ctx context.Context, p *projection) error {
	var goals []goal
	var names []string
	rows, _ := e.Pool.Query(ctx, inSchema(strangersSQL, p.schema))
	var g goal
	_, err := pgx.ForEachRow(rows, []any{&g.stream, &g.name}, func() error {
		goals, names = append(goals, g), append(names, g.name)
		return nil
	})
	if err != nil {
		return fmt.Errorf("look for organizations and accounts that are not projected: %w", err)
	}
	if len(goals) == 0 {
		return nil
	}
	if err := p.numbers.learn(ctx, names); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	next := make(chan *goal)
	failed := make(chan error, 1)
	go func() {
		defer close(next)
		for i := range goals {
			goals[i].number, _ = p.numbers.get(goals[i].name)
			info, err := e.Store.Info(ctx, goals[i].stream)
			if err != nil {
				failed <- fmt.Errorf("read how far %s goes: %w", goals[i].stream, err)
				return
			}
			goals[i].until = info.Last
			select {
			case next <- &goals[i]:
			case <-ctx.Done():
				return
			}
		}
	}()
	if err := e.fillSome(ctx, p, next, e.PageSize, new(atomic.Int64), nil); err != nil {
		return fmt.Errorf("project organizations and accounts of earlier versions: %w", err)
	}
	select {
	case err := <-failed:
		return err
	default:
	}
	e.Log.Info("projected organizations and accounts of earlier versions", "streams", len(goals))
	return nil
}
