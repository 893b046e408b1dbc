package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// delivered is what became of one batch, besides what was rejected.
type delivered struct {
	accepted, duplicates int
	revision             int64
}

// sender sends one batch and reports what was rejected. Its error says that the import cannot go on.
type sender func(ctx context.Context, b batch, reject func(at place, code, path, message string)) (delivered, error)

// verdict is what a server says about one event of a batch that it did not take.
type verdict struct {
	Index     int    `json:"index"`
	Outcome   string `json:"outcome"` // of native events: also of those that were taken
	Reason    string `json:"reason"`
	Message   string `json:"message"`
	Code      string `json:"code"`
	Path      string `json:"path"`
	Retriable bool   `json:"retriable"`
}

// openLineageSender posts arrays of events; an empty slug leaves the workspace to the key.
func openLineageSender(c *client, slug string) sender {
	path := "/api/v1/lineage/batch"
	if slug != "" {
		path = "/workspaces/" + url.PathEscape(slug) + path
	}
	return func(ctx context.Context, b batch, reject func(place, string, string, string)) (delivered, error) {
		return c.deliver(ctx, path, "application/json", b, array, reject, func(body []byte, d *delivered) ([]verdict, error) {
			var answer struct {
				Summary struct{ Successful, Duplicates int }
				Failed  []verdict `json:"failed_events"`
				// 0 says nothing, not the first event: the field is left out where nothing was written.
				Revision int64
			}
			err := json.Unmarshal(body, &answer)
			d.accepted += answer.Summary.Successful - answer.Summary.Duplicates
			d.duplicates += answer.Summary.Duplicates
			d.revision = max(d.revision, answer.Revision)
			return answer.Failed, err
		})
	}
}

// nativeSender posts lines of events.
func nativeSender(c *client, slug string) sender {
	path := "/v1/workspaces/" + url.PathEscape(slug) + "/events"
	return func(ctx context.Context, b batch, reject func(place, string, string, string)) (delivered, error) {
		return c.deliver(ctx, path, "application/x-ndjson", b, lines, reject, func(body []byte, d *delivered) ([]verdict, error) {
			var answer struct {
				Accepted, Duplicates int
				Revision             int64
				Results              []verdict
			}
			err := json.Unmarshal(body, &answer)
			d.accepted += answer.Accepted
			d.duplicates += answer.Duplicates
			d.revision = max(d.revision, answer.Revision)
			return slices.DeleteFunc(answer.Results, func(v verdict) bool { return v.Outcome != "rejected" }), err
		})
	}
}

func array(bodies [][]byte) []byte {
	return slices.Concat([]byte("["), bytes.Join(bodies, []byte(",\n")), []byte("]"))
}

// lines writes one body a line. A body of several lines is put on one: JSON has no line breaks inside strings.
func lines(bodies [][]byte) []byte {
	var out bytes.Buffer
	for _, b := range bodies {
		if bytes.ContainsAny(b, "\r\n") {
			b = bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("\r"), []byte(" ")), []byte("\n"), []byte(" "))
		}
		out.Write(b)
		out.WriteByte('\n')
	}
	return out.Bytes()
}

// deliver sends a batch until every event has been taken or rejected for good. What may pass (overload, a restart) is
// tried again for as long as the patience lasts.
func (c *client) deliver(ctx context.Context, path, contentType string, b batch, write func([][]byte) []byte, reject func(place, string, string, string), read func([]byte, *delivered) ([]verdict, error)) (delivered, error) {
	d := delivered{revision: -1}
	header := http.Header{"Content-Type": {contentType}, "Accept": {"application/json"}}
	giveUp := time.Now().Add(c.patience)
	for len(b.bodies) > 0 {
		status, answer, wait, err := c.post(ctx, path, header, write(b.bodies))
		if again(status, err) && time.Now().Add(wait).Before(giveUp) {
			if err := sleep(ctx, wait); err != nil {
				return d, err
			}
			continue
		}
		if err != nil {
			return d, err
		}
		if wholly(status, answer) {
			return d, refusal(status, answer)
		}
		failed, err := read(answer, &d)
		if err != nil {
			return d, c.strange(&http.Response{Status: http.StatusText(status)}, err)
		}
		before := len(b.bodies)
		b = leftOver(b, failed, reject)
		if len(b.bodies) == 0 {
			break
		}
		if len(b.bodies) < before {
			giveUp = time.Now().Add(c.patience) // it goes on
		} else if time.Now().After(giveUp) {
			return d, &failure{Exit: exitFailed, Code: "unavailable", Message: "the server does not take the events: " + failed[0].said()}
		}
		if err := sleep(ctx, time.Second); err != nil {
			return d, err
		}
	}
	return d, nil
}

func (v verdict) said() string {
	if v.Message != "" {
		return v.Message
	}
	return v.Reason
}

// leftOver rejects what was refused for good and keeps what may be sent again.
func leftOver(b batch, failed []verdict, reject func(place, string, string, string)) batch {
	var left batch
	for _, v := range failed {
		if v.Index < 0 || v.Index >= len(b.bodies) {
			continue
		}
		if v.Retriable {
			left.bodies, left.places = append(left.bodies, b.bodies[v.Index]), append(left.places, b.places[v.Index])
			continue
		}
		reject(b.places[v.Index], v.Code, v.Path, v.said())
	}
	return left
}

// post sends one request; wait is how long to wait before sending it again.
func (c *client) post(ctx context.Context, path string, header http.Header, body []byte) (status int, answer []byte, wait time.Duration, err error) {
	resp, err := c.once(ctx, http.MethodPost, path, header, body)
	if err != nil {
		return 0, nil, time.Second, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return 0, nil, time.Second, c.unreachable(ctx, err)
	}
	return resp.StatusCode, answer, retryAfter(resp), nil
}

// again says whether the same request may fare better later: overload, a server that restarts, a lost answer.
func again(status int, err error) bool {
	var f *failure
	if errors.As(err, &f) {
		return f.Code == "unreachable" || f.Code == "timeout"
	}
	return err == nil && status == http.StatusServiceUnavailable
}

// wholly says whether the request was refused as a whole, not event by event.
func wholly(status int, answer []byte) bool {
	if status < 300 {
		return false
	}
	var byRow struct{ Results []json.RawMessage }
	return json.Unmarshal(answer, &byRow) != nil || byRow.Results == nil
}
