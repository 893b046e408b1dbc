package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/operations"
)

// operationsAPI takes orders for work that outlives a request, and says how it stands. Who may not order an operation does
// not see it: it is answered like one that is not there.
type operationsAPI struct {
	desk   *operations.Desk
	rights *access.Rights
	log    *slog.Logger
}

// operationOrder is the body of POST /v1/operations.
type operationOrder struct {
	ID     string          `json:"id,omitempty" doc:"A UUID of the caller's choice: an order that is sent twice with it is one."`
	Kind   string          `json:"kind" need:"yes" doc:"What is to be done, such as projection.rebuild."`
	Target string          `json:"target,omitempty" doc:"What it is about, such as a workspace; left out: the whole server."`
	Params json.RawMessage `json:"params,omitempty" doc:"What the kind of work takes."`
}

// operationActor is who ordered one.
type operationActor struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
}

// operationView is an operation as answers show it.
type operationView struct {
	ID         string          `json:"id"`
	Kind       string          `json:"kind"`
	Target     string          `json:"target"`
	Params     json.RawMessage `json:"params"`
	By         operationActor  `json:"by"`
	State      string          `json:"state" enum:"waiting,running,done,failed,cancelled"`
	Cancelling bool            `json:"cancelling"`
	Tries      int             `json:"tries" doc:"How often a server took it up."`
	Stage      string          `json:"stage" doc:"What done and total count."`
	Done       int64           `json:"done"`
	Total      int64           `json:"total" doc:"0: not known."`
	Rate       float64         `json:"rate" doc:"A second, in this stage."`
	ETA        *float64        `json:"etaSeconds" doc:"How long this stage is going to take; null: not known."`
	Code       string          `json:"code,omitempty" doc:"Why it failed, or what it found."`
	Message    string          `json:"message,omitempty"`
	CreatedAt  time.Time       `json:"createdAt"`
	BegunAt    *time.Time      `json:"begunAt"`
	ChangedAt  time.Time       `json:"changedAt"`
	EndedAt    *time.Time      `json:"endedAt"`
	Result     json.RawMessage `json:"result" doc:"What came out of it; null before its end, and in lists."`
}

func shownOperation(o operations.Operation) operationView {
	v := operationView{
		ID: o.ID.String(), Kind: o.Kind, Target: o.Target, Params: o.Params, By: operationActor{o.By.Kind, o.By.ID}, State: string(o.State), Cancelling: o.Cancelling, Tries: o.Tries, Stage: o.Stage, Done: o.Done, Total: o.Total, Rate: o.Rate(),
		Code: o.Code, Message: o.Message, CreatedAt: o.CreatedAt.UTC(), BegunAt: inUTC(o.BegunAt), ChangedAt: o.ChangedAt.UTC(), EndedAt: inUTC(o.EndedAt), Result: o.Result,
	}
	if left, ok := o.ETA(); ok {
		seconds := left.Seconds()
		v.ETA = &seconds
	}
	return v
}

func inUTC(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

func (a operationsAPI) register(mux *access.Mux) {
	mux.Handle("GET /v1/operations", access.Read, http.HandlerFunc(a.list))
	mux.Handle("POST /v1/operations", access.Admin, http.HandlerFunc(a.start))
	mux.Handle("GET /v1/operations/{id}", access.Read, http.HandlerFunc(a.show))
	mux.Handle("POST /v1/operations/{id}/cancel", access.Admin, http.HandlerFunc(a.cancel))
	mux.Handle("POST /v1/operations/{id}/resume", access.Admin, http.HandlerFunc(a.resume))
}

func (a operationsAPI) start(w http.ResponseWriter, r *http.Request) {
	p, _ := access.From(r.Context())
	order, err := readOperation(w, r)
	order.By = p.Actor()
	if err == nil {
		err = a.desk.Permit(r.Context(), p, order)
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	o, err := a.desk.Start(r.Context(), order)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	w.Header().Set("Location", "/v1/operations/"+o.ID.String())
	answerJSON(w, http.StatusAccepted, shownOperation(o))
}

// mostOrdered bounds the body of an order, in bytes.
const mostOrdered = 64 << 10

func readOperation(w http.ResponseWriter, r *http.Request) (operations.Order, error) {
	var body operationOrder
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, mostOrdered))
	d.DisallowUnknownFields()
	if err := d.Decode(&body); err != nil {
		return operations.Order{}, wrongOrder("body", "it is no order of an operation: %v", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return operations.Order{}, wrongOrder("body", "there is something behind the JSON object")
	}
	o := operations.Order{Kind: body.Kind, Target: body.Target, Params: body.Params}
	if body.ID != "" {
		id, err := uuid.Parse(body.ID)
		if err != nil || id == uuid.Nil {
			return o, wrongOrder("id", "it is no UUID")
		}
		o.ID = id
	}
	var params map[string]any
	if len(o.Params) > 0 && (json.Unmarshal(o.Params, &params) != nil || params == nil) {
		return o, wrongOrder("params", "it is no JSON object")
	}
	return o, nil
}

func wrongOrder(field, format string, args ...any) error {
	return &access.Refusal{Status: http.StatusBadRequest, Code: "invalid", Message: fmt.Sprintf(format, args...), Field: field}
}

// found is the operation of the path, for who may order it; ErrNotFound for anybody else.
func (a operationsAPI) found(r *http.Request) (operations.Operation, error) {
	id, err := uuid.Parse(r.PathValue("id"))
	if err != nil {
		return operations.Operation{}, operations.ErrNotFound
	}
	o, err := a.desk.Get(r.Context(), id)
	if err != nil {
		return o, err
	}
	p, _ := access.From(r.Context())
	seen, err := a.sees(r, p, o)
	if err == nil && !seen {
		err = operations.ErrNotFound
	}
	return o, err
}

// sees says whether somebody may see an operation. One of a kind that this server does not know is for operators.
func (a operationsAPI) sees(r *http.Request, p access.Principal, o operations.Operation) (bool, error) {
	err := a.desk.Permit(r.Context(), p, operations.Order{Kind: o.Kind, Target: o.Target, Params: o.Params, By: o.By})
	if errors.Is(err, operations.ErrUnknownKind) {
		err = operates(r.Context(), a.rights, p)
	}
	if err == nil {
		return true, nil
	}
	if no := operationRefusal(err); no.Status < 500 {
		return false, nil
	}
	return false, err
}

func (a operationsAPI) show(w http.ResponseWriter, r *http.Request) {
	o, err := a.found(r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	answerJSON(w, http.StatusOK, shownOperation(o))
}

func (a operationsAPI) cancel(w http.ResponseWriter, r *http.Request) {
	o, err := a.found(r)
	if err == nil {
		o, err = a.desk.Cancel(r.Context(), o.ID)
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	answerJSON(w, http.StatusOK, shownOperation(o))
}

func (a operationsAPI) resume(w http.ResponseWriter, r *http.Request) {
	o, err := a.found(r)
	if err == nil {
		o, err = a.desk.Resume(r.Context(), o.ID)
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	answerJSON(w, http.StatusOK, shownOperation(o))
}

// list answers the newest that the caller may see.
func (a operationsAPI) list(w http.ResponseWriter, r *http.Request) {
	p, _ := access.From(r.Context())
	filter := operations.Filter{Kind: r.URL.Query().Get("kind"), Target: r.URL.Query().Get("target")}
	for field, word := range map[string]string{"kind": filter.Kind, "target": filter.Target} {
		if !utf8.ValidString(word) || strings.ContainsRune(word, 0) { // no column holds it
			a.fail(w, r, wrongOrder(field, "it is no text"))
			return
		}
	}
	for _, state := range r.URL.Query()["state"] {
		if !slices.Contains(operations.States, operations.State(state)) {
			a.fail(w, r, wrongOrder("state", "%q is no state of operations: choose of %s", clip(state, 40), words(operations.States)))
			return
		}
		filter.States = append(filter.States, operations.State(state))
	}
	all, err := a.desk.List(r.Context(), filter)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	shown := []operationView{}
	type about struct{ kind, target string }
	known := map[about]bool{} // what concerns one thing is seen or not seen alike
	for _, o := range all {
		key := about{o.Kind, o.Target}
		seen, ok := known[key]
		if !ok {
			if seen, err = a.sees(r, p, o); err != nil {
				a.fail(w, r, err)
				return
			}
			known[key] = seen
		}
		if seen {
			shown = append(shown, shownOperation(o))
		}
	}
	answerJSON(w, http.StatusOK, operationPage{Items: shown, TotalCount: len(shown)})
}

// words lists names, for people.
func words[T ~string](all []T) string {
	list := make([]string, len(all))
	for i, one := range all {
		list[i] = string(one)
	}
	return strings.Join(list, ", ")
}

// operationPage is the answer of GET /v1/operations.
type operationPage struct {
	Items      []operationView `json:"items"`
	NextCursor *string         `json:"nextCursor"`
	TotalCount int             `json:"totalCount"`
}

func (a operationsAPI) fail(w http.ResponseWriter, r *http.Request, err error) {
	no := operationRefusal(err)
	if no.Status >= 500 && r.Context().Err() == nil {
		a.log.ErrorContext(r.Context(), "a request about operations failed", "path", r.URL.Path, "err", err)
	}
	access.Refuse(w, no)
}

// operationRefusal is why nothing was ordered or changed.
func operationRefusal(err error) *access.Refusal {
	var (
		busy  *operations.UnderWayError
		state *operations.StateError
		taken *operations.TakenError
		rule  *domain.Error
	)
	switch {
	case errors.Is(err, operations.ErrNotFound):
		return &access.Refusal{Status: http.StatusNotFound, Code: "not_found", Message: operations.ErrNotFound.Error()}
	case errors.Is(err, operations.ErrUnknownKind):
		return &access.Refusal{Status: http.StatusBadRequest, Code: "invalid", Message: operations.ErrUnknownKind.Error(), Field: "kind"}
	case errors.As(err, &busy):
		return &access.Refusal{Status: http.StatusConflict, Code: "under_way", Message: busy.Error()}
	case errors.As(err, &state):
		return &access.Refusal{Status: http.StatusConflict, Code: "wrong_state", Message: state.Error()}
	case errors.As(err, &taken):
		return &access.Refusal{Status: http.StatusConflict, Code: "conflict", Message: taken.Error(), Field: "id"}
	case errors.As(err, &rule):
		return &access.Refusal{Status: access.StatusOf(rule.Code), Code: string(rule.Code), Message: rule.Message, Field: rule.Subject}
	}
	return adminRefusal(err)
}
