package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/annals-io/annals/internal/pgtest"
)

// listened is what streams told that were open all the while.
type listened struct {
	findings    []finding
	open, lines int64
}

// listen opens streams of what each owner may see, by subscription and by plain HTTP, and looks at every line that comes:
// what happens in one workspace while it happens in all. The function that is answered says what was heard, when ctx ended.
func (h *soak) listen(ctx context.Context, t *testing.T) func() listened {
	t.Helper()
	var mu sync.Mutex
	var l listened
	var heard atomic.Int64
	var wg sync.WaitGroup
	for _, as := range h.principals {
		if len(as.sees) <= 3 {
			continue
		}
		for _, p := range h.places {
			if !as.sees[p.slug] {
				continue
			}
			query := fmt.Sprintf(`subscription { events(workspace: %q, after: -1) { events { type summary data reason actor { id name } } } }`, p.slug)
			r := request{as: as, method: "GET", path: "/graphql?query=" + url.QueryEscape(query), how: byEvents}
			if as.header == "Cookie" { // the other one's way
				r = request{as: as, method: "GET", path: strings.Replace(followed, "{slug}", p.slug, 1) + "?follow=true", how: byLines}
			}
			l.open++
			wg.Go(func() {
				err := h.hear(ctx, r, func(line string) {
					heard.Add(1)
					for _, canary := range as.leaks(line) {
						mu.Lock()
						l.findings = append(l.findings, finding{-1, "a stream gave out what belongs to others: " + canary, r, line})
						mu.Unlock()
					}
				})
				if err != nil {
					t.Errorf("the stream %s of %s ended: %v", r.path, as.name, err)
				}
			})
		}
	}
	return func() listened {
		wg.Wait()
		l.lines = heard.Load()
		return l
	}
}

// hear reads the lines of a stream until ctx ends; that it ends before is an error.
func (h *soak) hear(ctx context.Context, r request, line func(string)) error {
	client := &http.Client{Transport: h.client.Transport} // without a limit of time
	resp, err := (&soak{url: h.url, client: client}).open(ctx, r)
	if err != nil {
		return ended(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	in := bufio.NewReader(resp.Body)
	for {
		text, err := in.ReadString('\n')
		line(text)
		if err != nil {
			return ended(ctx, err)
		}
	}
}

func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// unwalled is a database without a second wall: its role may not make the roles that the wall stands on, nor take them on.
func unwalled(t *testing.T) string {
	t.Helper()
	address := pgtest.URL(t)
	admin := pgtest.Connect(t, address)
	var database string
	if err := admin.QueryRow(t.Context(), `SELECT current_database()`).Scan(&database); err != nil {
		t.Fatal(err)
	}
	role := "plain_" + database
	if _, err := admin.Exec(t.Context(), `CREATE ROLE `+role+` LOGIN PASSWORD 'pw' NOSUPERUSER NOCREATEROLE; GRANT CREATE, CONNECT ON DATABASE `+database+` TO `+role); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, do := range []string{`REASSIGN OWNED BY ` + role + ` TO CURRENT_USER`, `DROP OWNED BY ` + role, `DROP ROLE ` + role} {
			_, _ = admin.Exec(context.Background(), do) // the database goes as well
		}
	})
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(role, "pw")
	return u.String()
}
