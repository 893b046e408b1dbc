package graphql

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/graphql/model"
)

// row is one event of a batch on its way.
type row struct {
	result *model.IngestResult
	event  NativeEvent
	ok     bool // it was read
}

// ingest records a batch of native events: each is written as a line of NDJSON would be, and read by the same reader.
func (r *Resolver) ingest(ctx context.Context, in model.IngestRunEventsInput) (*model.IngestRunEventsPayload, error) {
	w := r.writing(ctx, "ingestRunEvents", in.Workspace, needIngest, in.Meta, nil, struct{}{})
	out := &model.IngestRunEventsPayload{Rows: []*model.IngestResult{}}
	if n := len(in.Events); n > r.limits.IngestEvents || n == 0 {
		w.refuse(&model.InvalidInput{Message: fmt.Sprintf("%d events in one batch; 1 to %d", n, r.limits.IngestEvents), Path: []string{"input", "events"}, Code: model.UserErrorCodeTooLong})
	}
	if !w.ok() {
		out.Outcome = w.outcome()
		return out, w.fault
	}
	rows, err := r.readRows(in.Events)
	if err != nil {
		return nil, err
	}
	refused := false
	for _, row := range rows {
		refused = refused || !row.ok
	}
	if refused && in.Mode == model.IngestModeAtomic {
		abandon(rows)
	} else if err := r.record(ctx, w, rows, in.Mode == model.IngestModeAtomic); err != nil {
		return nil, err
	}
	for _, row := range rows {
		out.Rows = append(out.Rows, row.result)
		switch row.result.Outcome {
		case model.IngestOutcomeAccepted:
			out.Accepted++
		case model.IngestOutcomeDuplicate:
			out.Duplicates++
		case model.IngestOutcomeRejected:
			out.Rejected++
		}
	}
	w.done = out.Accepted+out.Duplicates > 0
	w.result.Duplicate = out.Accepted == 0 && out.Duplicates == len(rows)
	out.Outcome = w.outcome()
	return out, w.fault
}

// abandon rejects the good events of an atomic batch with the bad ones.
func abandon(rows []*row) {
	for _, row := range rows {
		if row.ok {
			row.reject(&model.InvalidInput{Message: "another event of the batch was refused, and the batch is ATOMIC", Path: row.path(), Code: model.UserErrorCodeInvalid})
		}
	}
}

func (r *row) path(more ...string) []string {
	return append([]string{"input", "events", strconv.Itoa(r.result.Index)}, more...)
}

func (r *row) reject(err model.UserError) {
	r.ok, r.result.Outcome, r.result.Revision = false, model.IngestOutcomeRejected, nil
	r.result.Errors = append(r.result.Errors, err)
}

// readRows reads each event; a bad one is rejected with its place.
func (r *Resolver) readRows(events []*model.RunEventInput) ([]*row, error) {
	out := make([]*row, len(events))
	now := r.now()
	for i, e := range events {
		out[i] = &row{result: &model.IngestResult{Index: i, ID: e.ID, Errors: []model.UserError{}, Warnings: []string{}}}
		line, err := lineOf(e)
		if err != nil {
			return nil, err
		}
		event, err := r.Native(line, now)
		var refusal *NativeRefusal
		switch {
		case errors.As(err, &refusal):
			out[i].reject(rejection(out[i], refusal))
			continue
		case err != nil:
			return nil, err
		}
		out[i].event, out[i].ok = event, true
		out[i].result.Warnings = append(out[i].result.Warnings, event.Warnings...)
	}
	return out, nil
}

// rejection is a refusal of the reader as the schema has it; its JSON pointer becomes a path.
func rejection(r *row, no *NativeRefusal) model.UserError {
	path := r.path()
	for part := range strings.SplitSeq(strings.TrimPrefix(no.Path, "/"), "/") {
		if part != "" {
			path = append(path, strings.NewReplacer("~1", "/", "~0", "~").Replace(part))
		}
	}
	code := model.UserErrorCode(strings.ToUpper(no.Code))
	if !code.IsValid() {
		code = model.UserErrorCodeInvalid
	}
	return &model.InvalidInput{Message: strings.TrimSuffix(no.Message+": "+no.Rule, ": "), Path: path, Code: code}
}

// lineOf writes an event as a line of NDJSON, of whose body members that were left out are left out too.
func lineOf(e *model.RunEventInput) ([]byte, error) {
	raw, err := json.Marshal(e.Body)
	if err != nil {
		return nil, fmt.Errorf("write the body of event %q: %w", clip(e.ID), err)
	}
	var body map[string]json.RawMessage
	if err := json.Unmarshal(raw, &body); err != nil {
		return nil, fmt.Errorf("read the body of event %q: %w", clip(e.ID), err)
	}
	maps.DeleteFunc(body, func(_ string, facts json.RawMessage) bool { return string(facts) == "null" })
	line := map[string]any{"id": e.ID, "run": e.Run, "at": e.At.UTC(), "body": body}
	if e.Pipeline != nil {
		line["pipeline"] = map[string]string{"namespace": e.Pipeline.Namespace, "name": e.Pipeline.Name}
	}
	out, err := json.Marshal(line)
	if err != nil {
		return nil, fmt.Errorf("write event %q: %w", clip(e.ID), err)
	}
	return out, nil
}

// record carries the good events out, each as a command of its own. Of an atomic batch nothing is written where one
// of its ids is known for another event: that is the only refusal that reading does not find.
func (r *Resolver) record(ctx context.Context, w *write, rows []*row, atomic bool) error {
	stream := domain.WorkspaceStream(w.slug)
	var good []*row
	var requests []eventstore.Request
	for _, row := range rows {
		if row.ok {
			good = append(good, row)
			requests = append(requests, row.event.Request(stream, w.request.Meta))
		}
	}
	if atomic {
		clash, err := r.clashes(ctx, w.slug, good, requests)
		if err != nil {
			return storeFault(err)
		}
		if clash {
			abandon(rows)
			return nil
		}
	}
	for i, a := range r.Commands.ExecuteAll(ctx, requests) {
		w.recorded(good[i], a)
	}
	return w.fault
}

// clashes rejects the events whose ids are known with another content, and says whether there are any.
func (r *Resolver) clashes(ctx context.Context, workspace domain.Slug, rows []*row, requests []eventstore.Request) (bool, error) {
	ids := make([]string, len(requests))
	for i, q := range requests {
		ids[i] = q.CommandID
	}
	known, err := r.Log.Commands(ctx, workspace, ids)
	if err != nil {
		return false, err
	}
	clash := false
	for i, q := range requests {
		if k, ok := known[q.CommandID]; ok && k.RequestDigest != q.Digest {
			rows[i].reject(clashing(rows[i]))
			clash = true
		}
	}
	return clash, nil
}

func clashing(r *row) model.UserError {
	return &model.IdempotencyConflict{Message: "the id is known with another content: every event has an id of its own", Path: r.path("id"), Code: model.UserErrorCodeConflict}
}

// recorded keeps what became of an event. What refuses the workspace as a whole refuses the batch.
func (w *write) recorded(r *row, a eventstore.Answer) {
	var refused *domain.Error
	var conflict *eventstore.CommandConflictError
	w.judge(a.Err, a.Result)
	switch {
	case a.Err == nil:
		n := int64(a.Last)
		r.result.Revision, r.result.Outcome = &n, model.IngestOutcomeAccepted
		if a.Duplicate {
			r.result.Outcome = model.IngestOutcomeDuplicate
		}
		w.result.Revision = max(w.result.Revision, a.Revision)
	case errors.As(a.Err, &conflict):
		r.reject(clashing(r))
	case errors.As(a.Err, &refused) && refused.Subject == "workspace":
		no := userError(refused, nil)
		if len(w.errors) == 0 {
			w.refuse(no)
		}
		r.reject(no)
	case errors.As(a.Err, &refused):
		r.reject(&model.InvalidInput{Message: refused.Error(), Path: r.path("body"), Code: model.UserErrorCodeInvalid})
	default:
		w.fault = storeFault(a.Err)
	}
}
