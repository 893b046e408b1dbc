package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/projections"
)

// wholeServer is for what concerns all workspaces: for operators of the server.
func (a adminAPI) wholeServer(h http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, _ := access.From(r.Context())
		if err := operates(r.Context(), a.rights, p); err != nil {
			access.Refuse(w, err)
			return
		}
		h(w, r)
	})
}

// modelOrder is what a rebuild takes, and the body of POST /v1/projections/swap, which has no use for Prove.
type modelOrder struct {
	AcceptDifferences bool   `json:"acceptDifferences"`
	Prove             bool   `json:"prove"`
	KeepOld           string `json:"keepOld,omitempty" doc:"How long the model before stays to go back to, such as 24h; an hour when left out."`
	FullSpeed         bool   `json:"fullSpeed,omitempty" doc:"Do not rest while others work."`
}

// mostKept bounds how long a model that was swapped out is kept: it is projected all the time.
const mostKept = 30 * 24 * time.Hour

// keepOld is how long the model before is to be kept; zero: as long as ever.
func (o modelOrder) keepOld() (time.Duration, error) {
	if o.KeepOld == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(days(o.KeepOld))
	if err != nil || d < time.Second || d > mostKept {
		return 0, wrongOrder("keepOld", "%q is no time from 1s to 30d, such as 24h", clip(o.KeepOld, 40))
	}
	return d, nil
}

func readOrder(r *http.Request) (order modelOrder, no *access.Refusal) {
	if err := json.NewDecoder(io.LimitReader(r.Body, 1<<10)).Decode(&order); err != nil && !errors.Is(err, io.EOF) {
		return order, &access.Refusal{Status: http.StatusBadRequest, Code: "invalid", Message: "the body is no order of this kind: " + err.Error()}
	}
	return order, nil
}

// rebuildReport is what a rebuild found, or was found of the model that waits.
type rebuildReport struct {
	From        string                        `json:"from"`
	To          string                        `json:"to"`
	SameCode    bool                          `json:"sameCode"`
	Workspaces  int                           `json:"workspaces"`
	Events      int64                         `json:"events"`
	Seconds     float64                       `json:"seconds"`
	Rate        float64                       `json:"rate"`
	Equal       bool                          `json:"equal"`
	Swapped     bool                          `json:"swapped"`
	Paused      []domain.Slug                 `json:"paused"`
	Tables      int                           `json:"tables"`      // how many differ
	Differences []projections.TableDifference `json:"differences"` // the first of them
}

func shownReport(r projections.Report) *rebuildReport {
	return &rebuildReport{
		From: r.From, To: r.To, SameCode: r.SameCode, Workspaces: r.Workspaces, Events: r.Events, Seconds: r.Took.Seconds(),
		Rate: r.Rate, Equal: r.Equal, Swapped: r.Swapped, Paused: r.Paused, Tables: r.Tables, Differences: r.Differences,
	}
}

// swap makes the model that waits beside the live one the live one. Where the two differ and that was not accepted, the
// answer is 409 with what differs.
func (a adminAPI) swap(w http.ResponseWriter, r *http.Request) {
	order, no := readOrder(r)
	if no != nil {
		access.Refuse(w, no)
		return
	}
	keep, err := order.keepOld()
	if err != nil {
		a.fail(w, r, err)
		return
	}
	beside, err := a.engine.Swap(r.Context(), order.AcceptDifferences, keep)
	var different *projections.DifferentError
	switch {
	case errors.As(err, &different) && beside.Report != nil:
		answerJSON(w, http.StatusConflict, map[string]any{"report": shownReport(*beside.Report), "error": said(adminRefusal(err))})
		return
	case err != nil:
		a.fail(w, r, err)
		return
	}
	if beside.Report == nil {
		beside.Report = &projections.Report{To: beside.Schema, Swapped: true}
	}
	a.log.InfoContext(r.Context(), "a read model was swapped in by hand", "from", beside.Report.From, "to", beside.Schema, "tablesThatDiffer", beside.Report.Tables)
	a.decided(r)
	answerJSON(w, http.StatusOK, map[string]any{"report": shownReport(*beside.Report)})
}

// discard drops the model that waits beside the live one.
func (a adminAPI) discard(w http.ResponseWriter, r *http.Request) {
	beside, err := a.engine.Waiting(r.Context())
	if err == nil {
		err = a.engine.Discard(r.Context())
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	a.log.InfoContext(r.Context(), "a read model was discarded by hand", "model", beside.Schema)
	a.decided(r)
	answerJSON(w, http.StatusOK, discarded{beside.Schema, a.model.report().Schema})
}

// discarded is the answer to a discard: what was dropped, and what is live.
type discarded struct {
	Discarded string `json:"discarded"`
	Live      string `json:"live"`
}

// rolledBack is the answer to a rollback: what is live, and what was before.
type rolledBack struct {
	Live   string `json:"live"`
	Before string `json:"before"`
}

// rollback makes the model that was live before the live one again.
func (a adminAPI) rollback(w http.ResponseWriter, r *http.Request) {
	order, no := readOrder(r)
	if no != nil {
		access.Refuse(w, no)
		return
	}
	keep, err := order.keepOld()
	var was projections.ModelStatus
	if err == nil {
		was, err = a.engine.Model(r.Context())
	}
	if err == nil {
		err = a.engine.Rollback(r.Context(), keep)
	}
	is := was
	if err == nil {
		is, err = a.engine.Model(r.Context())
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	a.log.InfoContext(r.Context(), "a read model was gone back to by hand", "from", was.Schema, "to", is.Schema)
	a.decided(r)
	answerJSON(w, http.StatusOK, rolledBack{is.Schema, was.Schema})
}

// decided has the keeper see what a person did, so that all who ask next are told.
func (a adminAPI) decided(r *http.Request) {
	if err := a.model.glance(r.Context()); err != nil {
		a.log.DebugContext(r.Context(), "look at the read model", "err", err)
	}
}

func said(no *access.Refusal) map[string]string {
	return map[string]string{"code": no.Code, "message": no.Message}
}

// modelRefusal is why a read model was not built, taken, dropped or gone back to; nil for other errors.
func modelRefusal(err error) *access.Refusal {
	var (
		different *projections.DifferentError
		behind    *projections.NotLevelError
		other     *projections.OtherCodeError
	)
	conflict := func(code, format string, args ...any) *access.Refusal {
		return &access.Refusal{Status: http.StatusConflict, Code: code, Message: fmt.Sprintf(format, args...)}
	}
	switch {
	case errors.As(err, &different):
		return conflict("different", "%s", different.Error())
	case errors.As(err, &behind):
		return conflict("not_level", "%s, and was not within half a minute", behind.Error())
	case errors.As(err, &other):
		return conflict("other_version", "%s was built by another version of this program, and none of its servers runs: build it again", other.Schema)
	case errors.Is(err, projections.ErrIncomplete):
		return conflict("incomplete", "%s", err.Error())
	case errors.Is(err, projections.ErrRebuilding):
		return conflict("rebuilding", "another rebuild is under way")
	case errors.Is(err, projections.ErrNoModel):
		return &access.Refusal{Status: http.StatusNotFound, Code: "no_model", Message: "there is no such read model: none was built anew, or it was dropped"}
	}
	return nil
}
