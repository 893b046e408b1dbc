package openlineage

import (
	"bytes"
	"net/http"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/ingest/foreign"
	"github.com/annals-io/annals/ingest/refusal"
)

// atOnce is how many events of a batch are handed over at once: enough for one commit, few enough for a mailbox.
const atOnce = 500

// batchAnswer is the answer to a batch, as the specification has it.
type batchAnswer struct {
	Status  string        `json:"status"` // success, partial_success
	Summary batchCounts   `json:"summary"`
	Failed  []failedEvent `json:"failed_events,omitempty"`
	// Beyond the specification: what a caller reads at least to see what was written.
	Revision int64 `json:"revision,omitempty"`
}

type batchCounts struct {
	Received     int `json:"received"`
	Successful   int `json:"successful"`
	Failed       int `json:"failed"`
	Retriable    int `json:"retriable"`
	NonRetriable int `json:"non_retriable"`
	Duplicates   int `json:"duplicates"` // of the successful
}

// failedEvent is one event that was not taken. Index is its place in the array, or its number among the lines.
type failedEvent struct {
	Index     int    `json:"index"`
	Line      int    `json:"line"`
	Reason    string `json:"reason"`
	Retriable bool   `json:"retriable"`
	*refusal.Problem
}

// batch takes an array of events, or lines of them, each on its own: one that is refused leaves nothing behind and
// holds up no other. As long as nothing was recorded, a trouble that may pass is the whole request's.
func (h *Handler) batch(w http.ResponseWriter, r *http.Request) {
	slug, actor, ok := h.enter(w, r)
	if !ok {
		return
	}
	body, no := readBody(w, r)
	if no != nil {
		h.refuse(w, no)
		return
	}
	if start := bytes.TrimLeft(body, " \t\r\n\ufeff"); len(start) == 0 || start[0] != '[' && start[0] != '{' {
		h.refuse(w, &refusal.Problem{Status: http.StatusBadRequest, Code: string(foreign.NotJSON), Field: refusal.Body, Rule: "A batch is a JSON array of events, or an event a line.", Message: "the body is neither an array nor a list of objects"})
		return
	}
	b := pending{handler: h, request: r, actor: actor, slug: slug, stream: domain.WorkspaceStream(slug)}
	for item, err := range foreign.NewSplitter(bytes.NewReader(body), foreign.MaxBytes).All() {
		if err != nil { // it is in memory and begins like JSON: it can be read to its end
			h.refuse(w, refusalOf(err))
			return
		}
		b.answer.Summary.Received++
		if b.take(item); len(b.requests) == atOnce {
			b.flush()
		}
	}
	b.flush()
	if b.trouble != nil && b.answer.Summary.Successful == 0 {
		h.refuse(w, b.trouble)
		return
	}
	b.answer.Status = "success"
	if b.answer.Summary.Failed > 0 {
		b.answer.Status = "partial_success"
	}
	h.count(b.answer.Summary)
	write(w, http.StatusOK, b.answer)
}

func (h *Handler) count(c batchCounts) {
	h.Observe("accepted", c.Successful-c.Duplicates)
	h.Observe("duplicate", c.Duplicates)
	h.Observe("rejected", c.NonRetriable)
	h.Observe("deferred", c.Retriable)
}

// pending is a batch on its way.
type pending struct {
	handler  *Handler
	request  *http.Request
	actor    domain.Actor
	slug     domain.Slug
	stream   domain.Stream
	requests []eventstore.Request
	items    []foreign.Item // of the requests, without their bodies
	answer   batchAnswer
	trouble  *refusal.Problem // of the store or the workspace: what comes after it is not tried
}

func (b *pending) take(item foreign.Item) {
	if item.No != nil {
		b.fail(item, refusalOf(item.No))
		return
	}
	m, err := Parse(item.Body, b.handler.Now())
	switch {
	case err != nil:
		b.fail(item, refusalOf(err))
	case b.trouble != nil:
		b.fail(item, b.trouble)
	default:
		b.requests = append(b.requests, m.Request(b.stream, b.actor))
		b.items = append(b.items, foreign.Item{Index: item.Index, Line: item.Line})
	}
}

// flush records what was gathered.
func (b *pending) flush() {
	if len(b.requests) == 0 {
		return
	}
	for i, a := range b.handler.Commands.ExecuteAll(b.request.Context(), b.requests) {
		if a.Err == nil {
			b.answer.Summary.Successful++
			b.answer.Revision = max(b.answer.Revision, int64(a.Revision))
			if a.Duplicate {
				b.answer.Summary.Duplicates++
			}
			continue
		}
		no := b.handler.troubleOf(b.request, b.slug, a.Err)
		if no.Shared && b.trouble == nil {
			b.trouble = no
		}
		b.fail(b.items[i], no)
	}
	b.requests, b.items = b.requests[:0], b.items[:0]
}

func (b *pending) fail(item foreign.Item, no *refusal.Problem) {
	c := &b.answer.Summary
	c.Failed++
	retriable := no.Retriable()
	if retriable {
		c.Retriable++
	} else {
		c.NonRetriable++
	}
	reason := no.Message
	if no.Path != "" {
		reason = no.Path + ": " + reason
	}
	b.answer.Failed = append(b.answer.Failed, failedEvent{Index: item.Index, Line: item.Line, Reason: reason, Retriable: retriable, Problem: no})
}
