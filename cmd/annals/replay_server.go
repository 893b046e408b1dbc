package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/annals-io/annals/audit/replay"
	"github.com/annals-io/annals/domain"
)

// replayServer prints what a server sends. A connection that is lost is taken up where it broke.
func (a *app) replayServer(ctx context.Context, part replay.Part, show *shower) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	slug, err := a.inWorkspace(ctx, c)
	if err != nil {
		return err
	}
	c.endless(a)
	show.printer.Source = c.base + "/workspaces/" + slug
	for {
		last, err := a.replayOnce(ctx, c, "/v1/workspaces/"+url.PathEscape(slug)+"/replay?"+partQuery(part).Encode(), show)
		if last >= 0 {
			part.From = replay.Moment{Revision: new(domain.Revision(last + 1))}
		}
		var no *failure
		var lost *lostError
		switch {
		case err == nil || ctx.Err() != nil:
			return errors.Join(err, ctx.Err())
		case errors.As(err, &no) && no.Code == "unreachable", errors.As(err, &lost):
		default:
			return err
		}
		if err := show.out.Flush(); err != nil {
			return err
		}
		fmt.Fprintf(a.stderr, "annals: the connection was lost (%v): trying again\n", err)
		if err := sleep(ctx, time.Second); err != nil {
			return err
		}
	}
}

// partQuery is a part as the parameters of a request.
func partQuery(p replay.Part) url.Values {
	q := url.Values{}
	for name, m := range map[string]replay.Moment{"from": p.From, "until": p.Until} {
		switch {
		case m.Revision != nil:
			q.Set(name, strconv.FormatInt(int64(*m.Revision), 10))
		case m.Time != nil:
			q.Set(name, m.Time.Format(time.RFC3339Nano))
		}
	}
	if p.Follow {
		q.Set("follow", "true")
	}
	return q
}

// A lostError says that an answer ended before its end.
type lostError struct{ cause error }

func (e *lostError) Error() string { return e.cause.Error() }

// replayOnce prints one answer, and says the revision it came to; negative: none.
func (a *app) replayOnce(ctx context.Context, c *client, path string, show *shower) (last int64, err error) {
	last = -1
	resp, err := c.send(ctx, http.MethodGet, path, http.Header{"Accept": {"application/x-ndjson"}}, nil)
	if err != nil {
		return last, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20)) // whatever can be read of it
		return last, replayRefusal(resp.StatusCode, text)
	}
	in := bufio.NewReaderSize(resp.Body, 256<<10)
	for {
		line, err := in.ReadBytes('\n')
		switch {
		case errors.Is(err, io.EOF) && len(line) == 0:
			return last, nil
		case err != nil:
			return last, &lostError{err}
		case len(bytes.TrimSpace(line)) == 0:
		default:
			var e replay.Entry
			if err := json.Unmarshal(line, &e); err != nil {
				return last, fmt.Errorf("read the server's answer: %w", err)
			}
			if err := show.show(ctx, &e); err != nil {
				return last, err
			}
			last = e.Revision
		}
		if in.Buffered() == 0 {
			if err := show.out.Flush(); err != nil {
				return last, err
			}
		}
	}
}

// replayRefusal is a refusal; of a moment that the history does not have, as questions as of it are refused.
func replayRefusal(status int, text []byte) error {
	err := refusal(status, text)
	var no *failure
	if errors.As(err, &no) && (no.Code == replay.Before || no.Code == replay.Ahead) {
		no.Exit = exitNotFound
	}
	return err
}
