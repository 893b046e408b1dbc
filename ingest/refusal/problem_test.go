package refusal

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/ingest/foreign"
)

func TestErrorsBecomeProblems(t *testing.T) {
	t.Parallel()
	rule := func(code domain.Code, subject string) error {
		return fmt.Errorf("event 0: %w", &domain.Error{Code: code, Subject: subject, Message: "no"})
	}
	for name, tt := range map[string]struct {
		err    error
		status int
		code   string
		field  string
		says   string
		shared bool
	}{
		"a body":                  {&foreign.Refusal{Code: foreign.TooDeep, Offset: 7, Rule: "r", Message: "deep"}, 400, "too_deep", "body", "deep", false},
		"a field of it":           {&foreign.Refusal{Code: "missing", Path: "/inputs/3/na~1me", Offset: -1, Rule: "r", Message: "m"}, 400, "missing", "na/me", "m", false},
		"an element of it":        {&foreign.Refusal{Code: "wrong", Path: "/inputs/3", Offset: -1, Rule: "r", Message: "m"}, 400, "wrong", "inputs", "m", false},
		"one that is too large":   {&foreign.Refusal{Code: foreign.TooLarge, Offset: -1, Rule: "r", Message: "m"}, 413, "too_large", "body", "m", false},
		"a missing workspace":     {rule(domain.NotFound, "workspace"), 404, "not_found", "workspace", `workspace "lab"`, true},
		"a deleted workspace":     {rule(domain.Gone, "workspace"), 410, "gone", "workspace", `workspace "lab"`, true},
		"an archived workspace":   {rule(domain.Archived, "workspace"), 409, "archived", "workspace", `workspace "lab"`, true},
		"a rule of the model":     {rule(domain.TooLong, "inputs"), 400, "too_long", "inputs", "no", false},
		"an id known differently": {&eventstore.CommandConflictError{}, 409, "conflict", "id", "id", false},
		"too many facts":          {&eventstore.TooLargeError{Limit: 9}, 413, "too_large", "body", "divide", false},
		"paused":                  {&eventstore.PausedError{Cause: domain.ErrUnknownEvent}, 503, "paused", "workspace", "newer", true},
		"overload":                {&eventstore.OverloadedError{RetryAfter: 1500 * time.Millisecond}, 503, "overloaded", "workspace", "again", true},
		"what is one already":     {fmt.Errorf("so: %w", NoWorkspace("lab")), 404, "not_found", "workspace", `workspace "lab"`, true},
	} {
		p, ok := Of(tt.err, "lab")
		if !ok || p.Status != tt.status || p.Code != tt.code || p.Field != tt.field || p.Shared != tt.shared || p.Rule == "" || !strings.Contains(p.Message, tt.says) {
			t.Errorf("%s: %+v", name, p)
		}
	}
	if p, ok := Of(errors.New("secret"), "lab"); ok {
		t.Errorf("an outage is not told as %+v", p)
	}
	if p := NoWorkspace(""); !strings.Contains(p.Message, "no such workspace") {
		t.Errorf("nobody named one: %s", p.Message)
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		p     *Problem
		retry string
	}{
		{Later(), "1"},
		{&Problem{Status: 503, RetryIn: 1500 * time.Millisecond, Code: Overloaded, Field: Workspace, Rule: "r"}, "2"},
		{NoWorkspace("lab"), ""},
	} {
		w := httptest.NewRecorder()
		Write(w, tt.p)
		var answer map[string]map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatal(err)
		}
		e := answer["error"]
		if w.Code != tt.p.Status || w.Header().Get("Retry-After") != tt.retry || w.Header().Get("Content-Type") != "application/json" || e["code"] != tt.p.Code || e["field"] != tt.p.Field || e["rule"] != tt.p.Rule {
			t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
		}
	}
	if slug, no := Slug("lab"); slug != "lab" || no != nil {
		t.Errorf("%q, %v", slug, no)
	}
	if _, no := Slug("No!"); no == nil || no.Status != http.StatusBadRequest || no.Code != InvalidWorkspace {
		t.Errorf("%+v", no)
	}
}
