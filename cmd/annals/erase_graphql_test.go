package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// erasureAnswer is what eraseSubject answers.
type erasureAnswer struct {
	Data struct {
		It struct {
			Erasure *struct {
				Subject, State, Erasure string
				Revision                *int64
				Files                   bool
				FilesLeft               *string
				Texts, Bodies, Gone     int
				Others                  []struct {
					Kind  string
					Count int
				}
			}
			UserErrors []struct {
				Typename string `json:"__typename"`
				Code     string
				Path     []string
				Message  string
				Missing  []string
			}
			Revision int64
		}
	}
	Errors []json.RawMessage
}

// erases asks for an erasure by GraphQL; input is what stands between the braces.
func (s *testServer) erases(t *testing.T, key, input string) (a erasureAnswer) {
	t.Helper()
	const ask = `mutation { it: eraseSubject(input: {%s}) {
		erasure { subject state erasure revision files filesLeft texts bodies gone others { kind count } } revision
		userErrors { __typename code path message ... on PermissionDenied { missing } } } }`
	_, said, _ := s.call(t, "POST", "/graphql", key, string(rawJSON(map[string]any{"query": fmt.Sprintf(ask, input)})), "Content-Type", "application/json")
	decode(t, said, &a)
	if len(a.Errors) > 0 {
		t.Fatalf("%s: %s", input, said)
	}
	return a
}

// Given texts of a workspace, an organization and a person, when they are erased by GraphQL, then they read as erased, are said
// to be so when that is asked for again, and what is wrong with a request is data that names the place.
func TestErasingByGraphQL(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	for _, m := range []string{
		`describeWorkspace(input: {workspace: "default", description: "of zqannxkw"})`, `describeOrganization(input: {organization: "personal", description: "of zqbobxkw"})`,
		`registerPipeline(input: {workspace: "default", name: "train", description: "of zqannxkw"})`,
	} {
		_, said, _ := s.call(t, "POST", "/graphql", s.Key, string(rawJSON(map[string]any{"query": "mutation { it: " + m + " { userErrors { message } } }"})), "Content-Type", "application/json")
		if !strings.Contains(said, `"userErrors":[]`) {
			t.Fatal(said)
		}
	}
	const in, why = `workspace: "default", `, `, meta: {reason: "asked for"}`
	for input, want := range map[string]string{
		in + `subject: "workspace"`:                                                                            "InvalidInput REQUIRED input.meta.reason",
		in + `subject: "workspace"` + why:                                                                      "InvalidInput INVALID input.confirm",
		in + `subject: "workspace", confirm: "Workspace"` + why:                                                "InvalidInput INVALID input.confirm",
		in + `subject: "table:x", dryRun: true`:                                                                "InvalidInput INVALID input.subject",
		in + `subject: "event:x", dryRun: true`:                                                                "InvalidInput INVALID input.subject",
		in + `subject: "pipeline:nothing", dryRun: true`:                                                       "NotFoundError NOT_FOUND input.subject",
		in + `subject: "person:x", dryRun: true`:                                                               "InvalidInput INVALID input.subject",
		in + `organization: "personal", subject: "role:x", dryRun: true`:                                       "InvalidInput INVALID input.workspace",
		in + `subject: "workspace", dryRun: true, meta: {ifUnchangedSince: 1}`:                                 "InvalidInput INVALID input.meta.ifUnchangedSince",
		`subject: "workspace", dryRun: true`:                                                                   "InvalidInput INVALID input.workspace",
		`subject: "person:", dryRun: true`:                                                                     "InvalidInput INVALID input.subject",
		`subject: "person:nobody", dryRun: true`:                                                               "NotFoundError NOT_FOUND input.subject",
		`subject: "person:00000000-0000-4000-8000-000000000000", confirm: "x"` + why:                           "InvalidInput INVALID input.confirm",
		`workspace: "nowhere", subject: "workspace", dryRun: true`:                                             "NotFoundError NOT_FOUND input.workspace",
		`organization: "nowhere", subject: "organization", dryRun: true`:                                       "NotFoundError NOT_FOUND input.organization",
		`subject: "person:00000000-0000-4000-8000-000000000000", dryRun: true`:                                 "NotFoundError NOT_FOUND input.subject",
		in + `subject: "workspace", confirm: "workspace", meta: {reason: "` + strings.Repeat("x", 2001) + `"}`: "InvalidInput INVALID input.meta.reason",
	} {
		a := s.erases(t, s.Key, input).Data.It
		if len(a.UserErrors) != 1 || a.Erasure != nil || a.Revision != -1 {
			t.Errorf("%s: %+v", clip(input, 120), a)
			continue
		}
		e := a.UserErrors[0]
		if got := e.Typename + " " + e.Code + " " + strings.Join(e.Path, "."); got != want {
			t.Errorf("%s: %s (%s), want %s", clip(input, 120), got, e.Message, want)
		}
	}
	counted := s.erases(t, s.Key, in+`subject: "pipeline:train", dryRun: true`).Data.It.Erasure
	if counted == nil || counted.State != "COUNTED" || counted.Texts != 1 || counted.Bodies != 1 || counted.Erasure != "" {
		t.Errorf("counted: %+v", counted)
	}
	for input, subject := range map[string]string{
		in + `subject: "pipeline:train", confirm: "pipeline:train"` + why:                  "pipeline:train",
		in + `subject: "workspace", confirm: "workspace"` + why:                            "workspace",
		`organization: "personal", subject: "organization", confirm: "organization"` + why: "organization",
	} {
		a := s.erases(t, s.Key, input).Data.It
		if e := a.Erasure; e == nil || e.State != "ERASED" || e.Erasure == "" || e.Subject != subject || !e.Files || e.FilesLeft != nil || e.Revision == nil || *e.Revision != a.Revision {
			t.Errorf("%s: %+v", input, a)
		}
		again := s.erases(t, s.Key, input).Data.It
		if e := again.Erasure; e == nil || e.State != "ALREADY" || e.Erasure != "" || again.Revision != a.Revision {
			t.Errorf("%s again: %+v", input, again)
		}
	}
	_, said, _ := s.call(t, "POST", "/graphql", s.Key, `{"query":"{ workspace(slug: \"default\") { description pipeline(id: \"train\") { description } organization { description } } }"}`, "Content-Type", "application/json")
	if strings.Count(said, `"erased"`) != 3 {
		t.Errorf("readers are shown %s", said)
	}
	// Who may see a place and not end it is told what it takes.
	out, errs, exit := s.annals("", "key", "create", "looks", "--scope", "read", "-o", "json")
	var made struct{ Key string }
	if exit != 0 || json.Unmarshal([]byte(out), &made) != nil {
		t.Fatalf("key create: %d %s%s", exit, out, errs)
	}
	for input, want := range map[string]string{
		in + `subject: "workspace", dryRun: true`:                              "PermissionDenied FORBIDDEN input.workspace [workspace:delete]",
		`organization: "personal", subject: "organization", dryRun: true`:      "PermissionDenied FORBIDDEN input.organization [organization:delete]",
		`subject: "person:00000000-0000-4000-8000-000000000000", dryRun: true`: "PermissionDenied FORBIDDEN input.subject []",
		`workspace: "nowhere", subject: "workspace", dryRun: true`:             "NotFoundError NOT_FOUND input.workspace []",
	} {
		a := s.erases(t, made.Key, input).Data.It
		if len(a.UserErrors) != 1 {
			t.Errorf("a key that reads, %s: %+v", input, a)
			continue
		}
		e := a.UserErrors[0]
		if got := fmt.Sprint(e.Typename, " ", e.Code, " ", strings.Join(e.Path, "."), " ", e.Missing); got != want {
			t.Errorf("a key that reads, %s: %s, want %s", input, got, want)
		}
	}
}
