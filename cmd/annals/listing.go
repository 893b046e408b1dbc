package main

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/spf13/cobra"
)

// listFlags are those of every listing command.
type listFlags struct {
	limit int
	after string
}

func (f *listFlags) add(cmd *cobra.Command, limit int) {
	cmd.Flags().IntVar(&f.limit, "limit", limit, "most rows; 0: all of them")
	cmd.Flags().StringVar(&f.after, "after", "", "go on after this `cursor`, the nextCursor of an earlier answer")
}

// check refuses what cannot be meant, before anybody is asked.
func (f *listFlags) check() error {
	if f.limit < 0 {
		return usage("--limit %d is below zero", f.limit).with("0 is everything")
	}
	return nil
}

// page is one page of a connection.
type page struct {
	Nodes    []json.RawMessage `json:"nodes"`
	PageInfo struct {
		HasNextPage bool    `json:"hasNextPage"`
		EndCursor   *string `json:"endCursor"`
	} `json:"pageInfo"`
	TotalCount int `json:"totalCount"`
}

// pageFields are what a connection is asked for.
func pageFields(node string) string {
	return "{ nodes { " + node + " } pageInfo { hasNextPage endCursor } totalCount }"
}

// mostPerPage is the largest page that a server gives, unless it was told to give smaller ones, and says so.
const mostPerPage = 500

// collect reads pages until the limit is reached or there is no more. With ndjson, rows are written as they come.
func (a *app) collect(f listFlags, next func(first int, after *string) (page, error), columns []column) error {
	var l list
	if err := a.gather(f, next, &l); err != nil {
		return err
	}
	if a.global.output == "ndjson" {
		return a.printBeside(l, struct {
			NextCursor *string         `json:"nextCursor"`
			TotalCount int             `json:"totalCount"`
			AsOf       json.RawMessage `json:"asOf,omitempty"`
		}{l.NextCursor, l.TotalCount, l.AsOf})
	}
	return a.printList(l, columns)
}

// gather is collect without the printing, but of ndjson.
func (a *app) gather(f listFlags, next func(first int, after *string) (page, error), l *list) error {
	if err := f.check(); err != nil {
		return err
	}
	l.Items = []json.RawMessage{}
	var after *string
	if f.after != "" {
		after = &f.after
	}
	shown, most := 0, mostPerPage
	for {
		first := most
		if f.limit > 0 {
			first = min(first, f.limit-shown)
		}
		p, err := next(first, after)
		var no *failure
		if errors.As(err, &no) && no.page > 0 && no.page < first {
			most = no.page
			continue
		}
		if err != nil {
			return err
		}
		shown += len(p.Nodes)
		l.TotalCount, l.NextCursor, after = p.TotalCount, nil, p.PageInfo.EndCursor
		l.AsOf = a.shown.doc
		if p.PageInfo.HasNextPage {
			l.NextCursor = p.PageInfo.EndCursor
		}
		if a.global.output == "ndjson" {
			if err := a.printLines(p.Nodes, l.AsOf); err != nil {
				return err
			}
			l.lines = shown
		} else {
			l.Items = append(l.Items, p.Nodes...)
		}
		if !p.PageInfo.HasNextPage || len(p.Nodes) == 0 || (f.limit > 0 && shown >= f.limit) {
			break
		}
	}
	return nil
}

// listIn lists a connection field of a workspace. The field takes $first and $after besides what declare says.
func (a *app) listIn(ctx context.Context, field, args, declare, node string, vars map[string]any, f listFlags, asOf asOfFlag, columns []column) error {
	if err := f.check(); err != nil {
		return err
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	slug, err := a.inWorkspace(ctx, c)
	if err != nil {
		return err
	}
	return a.collect(f, func(first int, after *string) (page, error) {
		all := map[string]any{"first": first, "after": after}
		for name, v := range vars {
			all[name] = v
		}
		var p page
		raw, err := a.withinSlug(ctx, c, slug, ", $first: Int, $after: String"+declare, field+"(first: $first, after: $after"+args+") "+pageFields(node), all, asOf)
		if err != nil {
			return p, err
		}
		asOf.hold(a.shown)
		return p, json.Unmarshal(raw, &p)
	}, columns)
}
