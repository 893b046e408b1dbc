package native

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/ingest/foreign"
	"github.com/annals-io/annals/ingest/refusal"
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
	Observe  func(outcome string, n int)                     // accepted, duplicate, rejected, deferred; may be nil
	Fail     func(http.ResponseWriter, *http.Request, error) // answers an error that package refusal has no word for: a missing key, an outage
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
	Revision   int64       `json:"revision"` // of the workspace, once the events that were taken or known are in it; -1: none was
	Results    []RowAnswer `json:"results"`
}

// ServeHTTP takes the rows in order. It answers 200 when every row was taken or known and 207 when some were rejected.
// Where all were, it is 409 if their ids are all known with another content, else 400. A request that is refused as a
// whole is answered by package refusal; an overload or outage before anything was written is 503 with Retry-After.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	named, no := refusal.Slug(r.PathValue("slug"))
	if no != nil {
		h.refuse(w, no)
		return
	}
	slug, actor, err := h.Door(r, named)
	if err != nil {
		h.fail(w, r, named, err)
		return
	}
	body, err := plainBody(w, r)
	if err != nil {
		h.fail(w, r, slug, err)
		return
	}
	answer, err := h.take(r.Context(), slug, domain.Meta{Actor: actor}, body, r.URL.Query().Get("results") == "all")
	if err != nil {
		var whole *refusal.Problem
		if errors.As(err, &whole) && whole.Status == http.StatusRequestEntityTooLarge {
			foreign.Drain(w, r)
		}
		h.fail(w, r, slug, err)
		return
	}
	h.count(answer)
	data, err := json.Marshal(answer)
	if err != nil { // strings and numbers: cannot be
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(answer.status())
	_, _ = w.Write(data) // the rows are stored; a client that went away sends them again and hears "duplicate"
}

// status is that of HTTP.
func (a Answer) status() int {
	switch {
	case a.Rejected == 0:
		return http.StatusOK
	case a.Accepted+a.Duplicates > 0:
		return http.StatusMultiStatus
	}
	for _, row := range a.Results {
		if row.Code != string(domain.Conflict) {
			return http.StatusBadRequest
		}
	}
	return http.StatusConflict
}

// fail answers an error of a request as a whole.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, slug domain.Slug, err error) {
	if no, ok := refusal.Of(err, slug); ok {
		h.refuse(w, no)
		return
	}
	h.observe("rejected", 1)
	h.Fail(w, r, err)
}

// refuse answers a problem and counts it.
func (h *Handler) refuse(w http.ResponseWriter, no *refusal.Problem) {
	outcome := "rejected"
	if no.Retriable() {
		outcome = "deferred"
	}
	h.observe(outcome, 1)
	refusal.Write(w, no)
}

// take reads row by row and records chunk by chunk. The error is one before anything was written; later troubles are
// answered by row, marked as retriable.
func (h *Handler) take(ctx context.Context, slug domain.Slug, meta domain.Meta, body io.Reader, all bool) (Answer, error) {
	now := time.Now
	if h.Now != nil {
		now = h.Now
	}
	c := collector{answer: Answer{Revision: int64(domain.NoRevision), Results: []RowAnswer{}}, all: all, wrote: false}
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
			no := brokenBody(err)
			if !c.wrote { // the rows gathered so far are not recorded either
				return c.answer, no
			}
			c.reject(RowAnswer{Index: item.Index, Line: item.Line, Code: no.Code, Rule: no.Rule, Message: no.Message, Retry: true})
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
		var rule *domain.Error
		var large *eventstore.TooLargeError
		var conflict *eventstore.CommandConflictError
		switch {
		case a.Err == nil:
			c.wrote = true
			c.took(row, a.Result)
		case errors.As(a.Err, &conflict):
			row.Code, row.Path, row.Rule = string(domain.Conflict), "/id", "An id stands for one content for ever."
			row.Message = "the id is known with another content: every event has an id of its own"
			c.reject(row)
		case errors.As(a.Err, &rule) && rule.Code == domain.Forbidden:
			row.Code, row.Path, row.Rule, row.Message = string(rule.Code), "/run", "The token of a run sends the events of that run.", rule.Message
			c.reject(row)
		case errors.As(a.Err, &rule) && !ofWorkspace(rule):
			row.Code, row.Path, row.Rule, row.Message = string(rule.Code), "/body", ruleModel, rule.Error()
			c.reject(row)
		case errors.As(a.Err, &large):
			row.Code, row.Path, row.Rule = string(foreign.TooLarge), "/body", fmt.Sprintf("The facts of one event have at most %d bytes.", large.Limit)
			row.Message = "the event holds more than one record can: send it in parts"
			c.reject(row)
		case !c.wrote:
			return a.Err
		default:
			row.Code, row.Rule, row.Message, row.Retry = refusal.Unavailable, "An event is answered for when it is stored.", "it was not recorded: send it again", true
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
		r.Code, r.Rule, r.Message = string(InvalidValue), ruleModel, err.Error()
	}
	return r
}

func (h *Handler) count(a Answer) {
	h.observe("accepted", a.Accepted)
	h.observe("duplicate", a.Duplicates)
	h.observe("rejected", a.Rejected)
}

func (h *Handler) observe(outcome string, n int) {
	if h.Observe != nil {
		h.Observe(outcome, n)
	}
}
