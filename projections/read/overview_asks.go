package read

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// asCrosser runs a statement about what somebody sees, as [Crosser].
func asCrosser[T any](ctx context.Context, d *DB, schema string, n named, q OverviewQuery, more map[string]any, scan pgx.RowToFunc[T]) (out []T, err error) {
	of, err := q.values(more)
	if err != nil {
		return nil, err
	}
	b := &pgx.Batch{}
	if d.guard != nil {
		b.Queue(crossListSQL, "")
	}
	b.Queue(d.text(Moment{Schema: schema}, n.text), n.values(of)...).Query(func(rows pgx.Rows) (err error) {
		out, err = pgx.CollectRows(rows, scan)
		return err
	})
	return out, d.pool.SendBatch(ctx, b).Close()
}

// asSurveyor runs a statement about workspaces that were sighted, as [Surveyor]. Behind the wall are those alone that may
// be read, and the rosters of their organizations.
func asSurveyor[T any](ctx context.Context, d *DB, schema string, seen []Sighting, n named, q OverviewQuery, more map[string]any, scan pgx.RowToFunc[T]) (out []T, err error) {
	var numbers, open []int32
	for _, s := range seen {
		ok, err := d.sees(ctx, Moment{Slug: s.Slug})
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		numbers, open = append(numbers, s.Number), append(open, s.Number)
		if s.Organization != 0 && !slices.Contains(open[max(0, len(open)-4):], s.Organization) {
			open = append(open, s.Organization)
		}
	}
	if len(numbers) == 0 {
		return nil, nil
	}
	of, err := q.values(more)
	if err != nil {
		return nil, err
	}
	of["numbers"] = numbers
	b := &pgx.Batch{}
	if d.guard != nil {
		var list strings.Builder
		for i, number := range open {
			if i > 0 {
				list.WriteByte(',')
			}
			list.WriteString(strconv.Itoa(int(number)))
		}
		b.Queue(surveyListSQL, "{"+list.String()+"}")
	}
	b.Queue(d.text(Moment{Schema: schema}, n.text), n.values(of)...).Query(func(rows pgx.Rows) (err error) {
		out, err = pgx.CollectRows(rows, scan)
		return err
	})
	return out, d.pool.SendBatch(ctx, b).Close()
}

// values are the parameters that statements about workspaces may have.
func (q *OverviewQuery) values(more map[string]any) (map[string]any, error) {
	states := q.States
	if states == nil {
		states = []string{"active", "archived"}
	}
	labels := []byte("{}")
	if q.Labels != nil {
		var err error
		if labels, err = json.Marshal(q.Labels); err != nil {
			return nil, fmt.Errorf("read the labels of a filter: %w", err)
		}
	}
	after := ""
	if q.Page.After != nil {
		after = q.Page.After.Value
	}
	text := lower(q.Text)
	of := map[string]any{
		"who": q.Who.String(), "only": string(q.Only), "states": states, "text": text.text, "upper": text.upper, "down": text.down, "labels": string(labels),
		"kinds": texts(q.Kinds), "environments": texts(q.Environments), "sensitivities": texts(q.Sensitivities), "teams": q.Teams, "organizations": texts(q.Organizations),
		"after": after, "limit": q.Page.limit() + 1, "time": q.Time,
	}
	maps.Copy(of, more)
	return of, nil
}

// texts are words as Postgres takes them; nil stays nil, which asks nothing.
func texts[T ~string](words []T) []string {
	if words == nil {
		return nil
	}
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = string(w)
	}
	return out
}
