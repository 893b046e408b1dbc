package main

import (
	"strings"
	"testing"
)

// A rebuild is ordered, left, found again and concluded; its order sent twice is one.
func TestAnOperationOutlivesItsTerminal(t *testing.T) {
	t.Parallel()
	s := loaded(t)
	out, errs, exit := s.annals("", "projection", "rebuild", "--detach", "-o", "json")
	if exit != 0 {
		t.Fatalf("exit %d: %s", exit, errs)
	}
	var o operation
	decode(t, out, &o)
	if o.ID == "" || o.Kind != "projection.rebuild" {
		t.Fatalf("it answers %s", out)
	}
	out, errs, exit = s.annals("", "operation", "show", o.ID, "--follow", "-o", "json")
	if exit != 0 {
		t.Fatalf("following exits %d: %s", exit, errs)
	}
	decode(t, out, &o)
	if o.State != "done" || !strings.Contains(string(o.Result), `"swapped":true`) {
		t.Errorf("it ended as %s", out)
	}
	out, _, _ = s.annals("", "operation", "list", "--kind", "projection.rebuild", "--state", "done")
	if !strings.Contains(out, o.ID) {
		t.Errorf("the list is %s", out)
	}
	if _, errs, exit := s.annals("", "operation", "cancel", o.ID); exit != exitConflict || !strings.Contains(errs, "it is done, and cannot be cancelled") {
		t.Errorf("cancelling what is over exits %d: %s", exit, errs)
	}
	body := `{"id":"6ba7b810-9dad-41d1-80b4-00c04fd430c8","kind":"projection.rebuild"}`
	for range 2 {
		if status, answer, _ := s.call(t, "POST", "/v1/operations", s.Key, body); status != 202 {
			t.Errorf("an order that is sent twice: %d %s", status, answer)
		}
	}
	for _, query := range []string{"kind=a%00b", "target=%ff"} {
		if status, answer, _ := s.call(t, "GET", "/v1/operations?"+query, s.Key, ""); status != 400 || !strings.Contains(answer, "it is no text") {
			t.Errorf("a list of %s: %d %s", query, status, answer)
		}
	}
	for body, want := range map[string]string{
		`{"kind":"nothing"}`: `"field":"kind"`,
		`{"kind":"projection.rebuild","target":"default"}`:      `"field":"target"`,
		`{"kind":"projection.rebuild","params":{"sideways":1}}`: `"field":"params"`,
		`{"kind":"projection.rebuild","params":[]}`:             `"field":"params"`,
		`{"kind":"projection.rebuild","id":"1"}`:                `"field":"id"`,
		`{"kind":"projection.rebuild"} {}`:                      `"field":"body"`,
		`nothing`:                                               `"field":"body"`,
	} {
		if status, answer, _ := s.call(t, "POST", "/v1/operations", s.Key, body); status != 400 || !strings.Contains(answer, want) {
			t.Errorf("%s: %d %s", body, status, answer)
		}
	}
}
