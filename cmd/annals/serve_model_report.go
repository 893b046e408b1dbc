package main

import (
	"fmt"
	"net/http"

	"github.com/annals-io/annals/projections"
)

// modelReport is how the read model stands, as operators see it.
type modelReport struct {
	Schema   string         `json:"schema"`
	MadeBy   string         `json:"madeBy"` // version of the code that folded it
	Code     string         `json:"code"`   // of this server's
	State    string         `json:"state"`
	Outdated bool           `json:"outdated"`
	Done     int64          `json:"done"` // events folded by the rebuild under way
	Total    int64          `json:"total"`
	Detail   string         `json:"detail"`
	Do       string         `json:"do,omitempty"` // the way out, where it takes a person
	Waiting  *waitingReport `json:"waiting,omitempty"`
}

// waitingReport is the model that was built anew and waits for a person.
type waitingReport struct {
	Schema   string `json:"schema"`
	Differs  bool   `json:"differs"`
	Tables   int    `json:"tables"` // how many differ, over all workspaces
	Compared bool   `json:"compared"`
}

// The states of the read model.
const (
	modelCurrent    = "current"    // our code made it, and projects into it
	modelElsewhere  = "elsewhere"  // other servers' code did, and does
	modelRebuilding = "rebuilding" // nobody projects into it: another one is being built
	modelWaiting    = "waiting"    // nobody projects into it: another one was built, and a person is to decide
	modelOutdated   = "outdated"   // nobody projects into it, and nothing is done about it now
)

// What a person does about it.
const (
	rebuildByHand  = "run `annals projection rebuild --accept-differences`"
	doAboutWaiting = "run `annals projection swap` to see what differs, `annals projection swap --accept-differences` to take the new one, or `annals projection discard` to drop it"
)

// outdated is how every report of a model begins that nobody projects into; rest says what is done about it.
func outdated(schema, rest string, args ...any) string {
	return fmt.Sprintf("read model %s was made by another version of this program: reads stay as they were until it is rebuilt", schema) + fmt.Sprintf(rest, args...)
}

func underWay(schema string) string { return outdated(schema, ", which is under way") }

func waits(w *projections.Waiting) *waitingReport {
	r := &waitingReport{Schema: w.Schema, Differs: w.Differs(), Compared: w.Report != nil}
	if w.Report != nil {
		r.Tables = w.Report.Tables
	}
	return r
}

func (w *waitingReport) finding() string {
	switch {
	case !w.Compared:
		return "was not compared with it"
	case w.Differs:
		return fmt.Sprintf("differs from it in %d tables", w.Tables)
	}
	return "is equal to it"
}

// report is how the read model stood at the last look.
func (k *modelKeeper) report() modelReport {
	k.mu.Lock()
	defer k.mu.Unlock()
	r := k.seen
	if r.State == modelRebuilding && r.Total > 0 {
		r.Detail += fmt.Sprintf(", %s of %s events", grouped(int(r.Done)), grouped(int(r.Total)))
	}
	return r
}

// set notes a state, and logs it when it is news.
func (k *modelKeeper) set(r modelReport) {
	r.Done, r.Total = 0, 0
	k.mu.Lock()
	k.seen = r
	news := k.told != r.Schema+r.State+r.Detail
	k.told = r.Schema + r.State + r.Detail
	k.mu.Unlock()
	k.metrics.rebuilt.Set(1)
	k.metrics.model.Set(oneIf(!r.Outdated))
	k.metrics.waiting.Set(oneIf(r.State == modelWaiting))
	attrs := []any{"model", r.Schema, "madeBy", r.MadeBy, "code", r.Code}
	switch {
	case !news || r.State == modelCurrent:
	case r.Do != "":
		k.log.Error(r.Detail, append(attrs, "do", r.Do)...)
	default:
		k.log.Warn(r.Detail, attrs...)
	}
}

func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// modelHeader tells a caller that what he reads is getting old.
const modelHeader = "Annals-Read-Model"

// marked adds modelHeader to answers that were read from an outdated model.
func (k *modelKeeper) marked(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if m := k.report(); m.Outdated {
			w.Header().Set(modelHeader, "outdated; "+m.State)
		}
		next.ServeHTTP(w, r)
	})
}
