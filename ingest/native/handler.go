package native

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/ingest/foreign"
)

// The limits of one request.
const (
	MaxBody   = 8 << 20 // bytes, after gzip
	MaxEvents = 1000    // events in one GraphQL batch; NDJSON is bounded by bytes alone
	chunk     = 500     // events that are handed to the executor at once
)

// A Door settles which workspace a request may write to and as whom. It is asked once for each request.
type Door func(r *http.Request, named domain.Slug) (domain.Slug, domain.Actor, error)

// A Handler serves POST /v1/workspaces/{slug}/events: NDJSON in, one answer for each row out.
type Handler struct {
	Door     Door
	Commands eventstore.Commander
	Now      func() time.Time                                // default time.Now
	Observe  func(outcome string, n int)                     // accepted, duplicate, rejected; may be nil
	Fail     func(http.ResponseWriter, *http.Request, error) // writes the answer to an error of the door or the store
}

// A RowAnswer is what became of one row.
type RowAnswer struct {
	Index    int      `json:"index"`
	Line     int      `json:"line"`
	ID       string   `json:"id,omitempty"`
	Outcome  string   `json:"outcome"` // accepted, duplicate, rejected
	Revision *int64   `json:"revision,omitempty"`
	Code     string   `json:"code,omitempty"`
	Path     string   `json:"path,omitempty"`
	Rule     string   `json:"rule,omitempty"`
	Message  string   `json:"message,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
	Retry    bool     `json:"retriable,omitempty"` // send the row again as it is
}

// An Answer is what became of a request. Results has the rejected rows and those with warnings; all of them with
// ?results=all.
type Answer struct {
	Accepted   int         `json:"accepted"`
	Duplicates int         `json:"duplicates"`
	Rejected   int         `json:"rejected"`
	Revision   int64       `json:"revision"`
	Results    []RowAnswer `json:"results"`
}

// ServeHTTP takes the rows in order. It answers 200 when every row was taken or known, 207 when some were rejected and
// 400 when all were; an overload or outage before anything was written is 503 with Retry-After.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	slug, actor, err := h.Door(r, domain.Slug(r.PathValue("slug")))
	if err != nil {
		h.Fail(w, r, err)
		return
	}
	body, err := plainBody(w, r)
	if err != nil {
		h.Fail(w, r, err)
		return
	}
	answer, err := h.take(r.Context(), slug, domain.Meta{Actor: actor}, body, r.URL.Query().Get("results") == "all")
	if err != nil {
		var status *StatusError
		if errors.As(err, &status) && status.Status == http.StatusRequestEntityTooLarge {
			foreign.Drain(w, r)
		}
		h.Fail(w, r, err)
		return
	}
	h.observe(answer)
	status := http.StatusOK
	switch {
	case answer.Rejected > 0 && answer.Accepted+answer.Duplicates == 0:
		status = http.StatusBadRequest
	case answer.Rejected > 0:
		status = http.StatusMultiStatus
	}
	data, err := json.Marshal(answer)
	if err != nil {
		h.Fail(w, r, fmt.Errorf("encode the answer: %w", err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(status)
	_, _ = w.Write(data) // the rows are stored; a client that went away sends them again and hears "duplicate"
}

// plainBody checks the content type and looks through gzip, bounded in both forms.
func plainBody(w http.ResponseWriter, r *http.Request) (io.Reader, error) {
	if ct := r.Header.Get("Content-Type"); ct != "" {
		typ, _, err := mime.ParseMediaType(ct)
		switch {
		case err != nil, typ != "application/x-ndjson" && typ != "application/ndjson" && typ != "application/json" && typ != "application/jsonl" && !strings.HasPrefix(typ, "text/"):
			return nil, &StatusError{http.StatusUnsupportedMediaType, "unsupported_media_type", "send application/x-ndjson: one JSON object a line"}
		}
	}
	body := io.Reader(http.MaxBytesReader(w, r.Body, MaxBody))
	switch enc := r.Header.Get("Content-Encoding"); enc {
	case "", "identity":
	case "gzip":
		plain, err := gzip.NewReader(body)
		if err != nil {
			return nil, &StatusError{http.StatusBadRequest, "bad_gzip", "the body is said to be gzip and is none"}
		}
		body = plain
	default:
		return nil, &StatusError{http.StatusUnsupportedMediaType, "unsupported_encoding", "the body may be plain or gzip"}
	}
	return &bounded{body, MaxBody}, nil
}

// A StatusError is a request refused as a whole, with its HTTP status.
type StatusError struct {
	Status  int
	Code    string
	Message string
}

func (e *StatusError) Error() string { return e.Message }

// bounded refuses more than so many bytes after gzip.
type bounded struct {
	io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, &StatusError{http.StatusRequestEntityTooLarge, "too_large", fmt.Sprintf("the body has more than %d bytes: send it in parts", MaxBody)}
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return n, &StatusError{http.StatusRequestEntityTooLarge, "too_large", fmt.Sprintf("the body has more than %d bytes: send it in parts", MaxBody)}
	}
	return n, err
}

// take reads row by row and records chunk by chunk. The error is one before anything was written; later troubles are
// answered by row, marked as retriable.
func (h *Handler) take(ctx context.Context, slug domain.Slug, meta domain.Meta, body io.Reader, all bool) (Answer, error) {
	now := time.Now
	if h.Now != nil {
		now = h.Now
	}
	c := collector{answer: Answer{Results: []RowAnswer{}}, all: all, wrote: false}
	stream := domain.WorkspaceStream(slug)
	var rows []RowAnswer
	var requests []eventstore.Request
	flush := func() error {
		if len(requests) == 0 {
			return nil
		}
		err := c.add(rows, h.Commands.ExecuteAll(ctx, requests))
		rows, requests = rows[:0], requests[:0]
		return err
	}
	for item, err := range foreign.NewSplitter(body, MaxBody).Lines().All() {
		if err != nil {
			var status *StatusError
			if errors.As(err, &status) && !c.wrote {
				return c.answer, status
			}
			c.reject(RowAnswer{Index: item.Index, Line: item.Line, Code: "broken_body", Message: err.Error(), Retry: true})
			break
		}
		row := RowAnswer{Index: item.Index, Line: item.Line}
		if item.No != nil {
			c.reject(row.refused(item.No))
			continue
		}
		event, err := Read(item.Body, now())
		row.ID, row.Warnings = event.ID, event.Warnings
		if err != nil {
			c.reject(row.refused(err))
			continue
		}
		rows = append(rows, row)
		requests = append(requests, event.Request(stream, meta))
		if len(requests) == chunk {
			if err := flush(); err != nil {
				return c.answer, err
			}
		}
	}
	err := flush()
	return c.answer, err
}

// collector adds up the answers.
type collector struct {
	answer Answer
	all    bool
	wrote  bool // something was recorded: from now on troubles are answered by row
}

func (c *collector) reject(row RowAnswer) {
	row.Outcome = "rejected"
	c.answer.Rejected++
	c.answer.Results = append(c.answer.Results, row)
}

// add lines up rows and answers. A trouble of the store or of the whole workspace is an error as long as nothing was
// written.
func (c *collector) add(rows []RowAnswer, answers []eventstore.Answer) error {
	for i, a := range answers {
		row := rows[i]
		var refusal *domain.Error
		var conflict *eventstore.CommandConflictError
		switch {
		case a.Err == nil:
			c.wrote = true
			c.took(row, a.Result)
		case errors.As(a.Err, &conflict):
			row.Code, row.Path, row.Message = "conflict", "/id", "the id is known with another content: every event has an id of its own"
			c.reject(row)
		case errors.As(a.Err, &refusal) && !ofWorkspace(refusal):
			row.Code, row.Path, row.Message = string(refusal.Code), "/body", refusal.Error()
			c.reject(row)
		case !c.wrote:
			return a.Err
		default:
			row.Code, row.Message, row.Retry = "unavailable", "it was not recorded: send it again", true
			c.reject(row)
		}
	}
	return nil
}

// ofWorkspace says whether the refusal is of the workspace as a whole.
func ofWorkspace(e *domain.Error) bool { return e.Subject == "workspace" }

func (c *collector) took(row RowAnswer, result eventstore.Result) {
	revision := int64(result.Last)
	row.Revision, row.Outcome = &revision, "accepted"
	if result.Duplicate {
		row.Outcome = "duplicate"
		c.answer.Duplicates++
	} else {
		c.answer.Accepted++
	}
	c.answer.Revision = max(c.answer.Revision, int64(result.Revision))
	if c.all || len(row.Warnings) > 0 {
		c.answer.Results = append(c.answer.Results, row)
	}
}

// refused fills in why.
func (r RowAnswer) refused(err error) RowAnswer {
	var no *foreign.Refusal
	if errors.As(err, &no) {
		r.Code, r.Path, r.Rule, r.Message = string(no.Code), no.Path, no.Rule, no.Message
	} else {
		r.Code, r.Message = string(InvalidValue), err.Error()
	}
	return r
}

func (h *Handler) observe(a Answer) {
	if h.Observe == nil {
		return
	}
	h.Observe("accepted", a.Accepted)
	h.Observe("duplicate", a.Duplicates)
	h.Observe("rejected", a.Rejected)
}
