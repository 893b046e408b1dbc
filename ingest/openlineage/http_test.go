package openlineage

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// door lets everybody into the workspace they name, and into lab those who name none; "closed" is closed.
func door(_ *http.Request, named domain.Slug) (domain.Slug, domain.Actor, error) {
	switch named {
	case "":
		return "lab", domain.Actor{Kind: "key", ID: "k"}, nil
	case "closed":
		return "", domain.Actor{}, errors.New("closed")
	}
	return named, domain.Actor{Kind: "key", ID: "k"}, nil
}

// serve is a server of the routes over a commander.
func serve(t testing.TB, commands eventstore.Commander) (*httptest.Server, *observed) {
	t.Helper()
	seen := &observed{counts: map[string]int{}}
	h := &Handler{Door: door, Commands: commands, Observe: seen.observe, Now: func() time.Time { return today }, Timeout: 4 * time.Second,
		Fail: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusForbidden)
		}}
	mux := http.NewServeMux()
	for _, r := range h.Routes() {
		mux.Handle(r.Pattern, r.Handler)
	}
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s, seen
}

type observed struct {
	mu     sync.Mutex
	counts map[string]int
}

func (o *observed) observe(outcome string, n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if n > 0 {
		o.counts[outcome] += n
	}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	text   string
	Error  struct {
		Code, Message, Field, Path, Rule string
		Offset                           *int
	}
	Status   string
	Revision int64
	Warnings []eventWarning
	Summary  batchCounts
	Failed   []struct {
		Index, Line                       int
		Reason, Code, Path, Rule, Message string
		Retriable                         bool
	} `json:"failed_events"`
}

func send(t testing.TB, method, url string, body io.Reader, headers ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: resp.StatusCode, header: resp.Header, text: string(text)}
	_ = json.Unmarshal(text, &a)
	return a
}

func post(t testing.TB, url, body string, headers ...string) answer {
	t.Helper()
	return send(t, http.MethodPost, url, strings.NewReader(body), headers...)
}

func zip(t testing.TB, body string) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}

func TestOneEventIsRecorded(t *testing.T) {
	t.Parallel()
	store, x := laboratory(t, eventstore.Config{})
	s, seen := serve(t, x)
	url := s.URL + "/api/v1/lineage"
	first := post(t, url, runEvent, "Content-Type", "application/json")
	if first.status != http.StatusCreated || first.Status != "accepted" || first.Revision != 1 || first.header.Get("Content-Type") != "application/json" {
		t.Fatalf("%d %s", first.status, first.text)
	}
	for name, again := range map[string]answer{
		"as it was":           post(t, url, runEvent, "Content-Type", "application/json; charset=UTF-8"),
		"in other words":      post(t, url, " "+strings.Replace(runEvent, `"START"`, `"\u0053TART"`, 1)+"\n"),
		"gzipped":             send(t, http.MethodPost, url, zip(t, runEvent), "Content-Encoding", "gzip", "Content-Type", "application/json"),
		"gzipped, in chunks":  send(t, http.MethodPost, url, io.MultiReader(zip(t, runEvent)), "Content-Encoding", "gzip"),
		"as curl sends it":    post(t, url, runEvent, "Content-Type", "application/x-www-form-urlencoded"),
		"by the path":         post(t, s.URL+"/workspaces/lab/api/v1/lineage", runEvent),
		"by the header":       post(t, url, runEvent, WorkspaceHeader, "lab"),
		"by path and header":  post(t, s.URL+"/workspaces/lab/api/v1/lineage", runEvent, WorkspaceHeader, "lab"),
		"in a batch of one":   post(t, url+"/batch", "["+runEvent+"]"),
		"in a batch by path":  post(t, s.URL+"/workspaces/lab/api/v1/lineage/batch", runEvent),
		"in a batch, gzipped": send(t, http.MethodPost, url+"/batch", zip(t, "["+runEvent+"]"), "Content-Encoding", "gzip"),
	} {
		if again.status != http.StatusCreated && again.Summary.Duplicates != 1 || again.status == http.StatusCreated && again.Status != "duplicate" || again.Revision != 1 {
			t.Errorf("%s: %d %s", name, again.status, again.text)
		}
	}
	info, err := store.Info(t.Context(), "workspace-lab")
	if err != nil || info.Last != 1 {
		t.Errorf("the stream ends at %d (%v), want the workspace and one fact", info.Last, err)
	}
	if want := map[string]int{"accepted": 1, "duplicate": 11}; !reflect.DeepEqual(seen.counts, want) {
		t.Errorf("observed %v, want %v", seen.counts, want)
	}
	odd := post(t, url, strings.Replace(runEvent, "10:00:00Z", "10:00:00", 1))
	if odd.status != http.StatusCreated || len(odd.Warnings) != 1 || odd.Warnings[0].Code != TimeWithoutZone || odd.Warnings[0].Path != "/eventTime" {
		t.Errorf("with a warning: %d %s", odd.status, odd.text)
	}
}

func TestRefusedEventsLeaveNothing(t *testing.T) {
	t.Parallel()
	store, x := laboratory(t, eventstore.Config{})
	s, _ := serve(t, x)
	url := s.URL + "/api/v1/lineage"
	huge := `{"eventTime":"2024-05-01T10:00:00Z","a":"` + strings.Repeat("x", 8<<20) + `"}`
	for name, tt := range map[string]struct {
		got    answer
		status int
		code   string
		path   string
		says   string
	}{
		"no JSON":                     {post(t, url, "{"), 400, "not_json", "", "key"},
		"nothing":                     {post(t, url, ""), 400, "not_json", "", "ends"},
		"no job":                      {post(t, url, strings.Replace(runEvent, `"name":"j"`, `"nam":"j"`, 1)), 400, "missing_identity", "/job/name", "missing"},
		"no time":                     {post(t, url, strings.Replace(runEvent, `eventTime`, `eventTim`, 1)), 400, "missing_time", "/eventTime", "eventTime"},
		"an array":                    {post(t, url, "["+runEvent+"]"), 400, "not_an_object", "", "/batch"},
		"too large":                   {post(t, url, huge), 413, "too_large", "", "parts"},
		"too large without a length":  {send(t, http.MethodPost, url, io.MultiReader(strings.NewReader(huge))), 413, "too_large", "", "parts"},
		"too large when unzipped":     {send(t, http.MethodPost, url, zip(t, huge), "Content-Encoding", "gzip"), 413, "too_large", "", "parts"},
		"no gzip":                     {post(t, url, runEvent, "Content-Encoding", "gzip"), 400, "bad_gzip", "", "gzip"},
		"gzip cut off":                {send(t, http.MethodPost, url, bytes.NewReader(zip(t, runEvent).Bytes()[:40]), "Content-Encoding", "gzip"), 400, "bad_gzip", "", "cut off"},
		"another encoding":            {post(t, url, runEvent, "Content-Encoding", "br"), 415, "unsupported_encoding", "", "gzip"},
		"XML":                         {post(t, url, runEvent, "Content-Type", "application/xml"), 415, "unsupported_media_type", "", "JSON"},
		"another charset":             {post(t, url, runEvent, "Content-Type", "application/json; charset=latin1"), 415, "unsupported_media_type", "", "UTF-8"},
		"no media type":               {post(t, url, runEvent, "Content-Type", ";;"), 415, "unsupported_media_type", "", "JSON"},
		"two workspaces":              {post(t, s.URL+"/workspaces/lab/api/v1/lineage", runEvent, WorkspaceHeader, "other"), 409, "workspace_conflict", "", `"lab" and the header X-Annals-Workspace names "other"`},
		"a workspace that is none":    {post(t, url, runEvent, WorkspaceHeader, "No Such!"), 400, "invalid_workspace", "", "slug"},
		"a workspace that is missing": {post(t, url, runEvent, WorkspaceHeader, "missing"), 404, "not_found", "", `workspace "missing"`},
		"a URL that was cut":          {post(t, s.URL+"/workspaces/api/v1/lineage", runEvent), 404, "workspace_cut_off", "", "/workspaces/NAME/"},
		"a URL that was cut, batch":   {post(t, s.URL+"/workspaces/api/v1/lineage/batch", runEvent), 404, "workspace_cut_off", "", "slash"},
		"a batch that is none":        {post(t, url+"/batch", "hello"), 400, "not_json", "", "array"},
		"an empty batch body":         {post(t, url+"/batch", " "), 400, "not_json", "", "array"},
		"a batch nowhere":             {post(t, url+"/batch", runEvent, WorkspaceHeader, "missing"), 404, "not_found", "", `workspace "missing"`},
	} {
		a := tt.got
		if a.status != tt.status || a.Error.Code != tt.code || a.Error.Path != tt.path || !strings.Contains(a.Error.Message, tt.says) {
			t.Errorf("%s: %d %s; want %d %s at %q, saying %q", name, a.status, a.text, tt.status, tt.code, tt.path, tt.says)
		}
		if a.Error.Field == "" || a.Error.Rule == "" {
			t.Errorf("%s: a refusal names its field and its rule: %s", name, a.text)
		}
	}
	if a := post(t, url, runEvent, WorkspaceHeader, "closed"); a.status != http.StatusForbidden {
		t.Errorf("closed: %d %s", a.status, a.text)
	}
	if a := send(t, http.MethodGet, url, nil); a.status != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d %s", a.status, a.text)
	}
	info, err := store.Info(t.Context(), "workspace-lab")
	if err != nil || info.Last != 0 {
		t.Errorf("the stream ends at %d (%v): a refused event left something", info.Last, err)
	}
}

// A client that writes all of its body before it reads hears the refusal, not a broken connection.
func TestWhoWritesFirstHearsThatTheBodyIsTooLarge(t *testing.T) {
	t.Parallel()
	s, _ := serve(t, &stuck{})
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const size = 24 << 20
	if _, err := fmt.Fprintf(conn, "POST /api/v1/lineage HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", size); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(bytes.Repeat([]byte{' '}, size)); err != nil {
		t.Fatalf("the body could not be written: %v", err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("answered %s", resp.Status)
	}
}

func TestBatch(t *testing.T) {
	t.Parallel()
	_, x := laboratory(t, eventstore.Config{})
	s, _ := serve(t, x)
	url := s.URL + "/api/v1/lineage/batch"
	event := func(run string) string { return strings.Replace(runEvent, `"r1"`, `"`+run+`"`, 1) }
	if a := post(t, url, "[]"); a.status != 200 || a.Status != "success" || a.Summary != (batchCounts{}) || !strings.Contains(a.text, `"received":0`) {
		t.Errorf("of none: %d %s", a.status, a.text)
	}
	mixed := "[" + event("a") + ",\n" + `{"eventTime":1},` + event("b") + ",17," + event("a") + "]"
	a := post(t, url, mixed)
	if a.status != 200 || a.Status != "partial_success" || a.Summary != (batchCounts{5, 3, 2, 0, 2, 1}) || len(a.Failed) != 2 {
		t.Fatalf("mixed: %d %s", a.status, a.text)
	}
	if f := a.Failed[0]; f.Index != 1 || f.Line != 2 || f.Retriable || f.Code != "missing_identity" || f.Reason == "" || f.Rule == "" {
		t.Errorf("the first that failed: %+v", f)
	}
	if f := a.Failed[1]; f.Index != 3 || f.Code != "not_an_object" {
		t.Errorf("the second that failed: %+v", f)
	}
	var many []string
	for i := range 1_234 {
		many = append(many, event(fmt.Sprintf("run-%d", i)))
	}
	if a := post(t, url, strings.Join(many, "\n")); a.Status != "success" || a.Summary != (batchCounts{1_234, 1_234, 0, 0, 0, 0}) {
		t.Errorf("many lines: %d %s", a.status, a.text)
	}
	if a := post(t, url, "["+strings.Join(many, ",")+"]"); a.Summary != (batchCounts{1_234, 1_234, 0, 0, 0, 1_234}) {
		t.Errorf("many again: %d %s", a.status, a.text)
	}
	if a := post(t, url, "["+event("z")+","); a.Summary != (batchCounts{2, 1, 1, 0, 1, 0}) || a.Failed[0].Code != "not_json" {
		t.Errorf("cut off: %d %s", a.status, a.text)
	}
}

// scripted answers commands with the errors it was given, in order, and then with success.
type scripted struct {
	mu   sync.Mutex
	errs []error
}

func (s *scripted) Execute(ctx context.Context, r eventstore.Request) (eventstore.Result, error) {
	a := s.ExecuteAll(ctx, []eventstore.Request{r})[0]
	return a.Result, a.Err
}

func (s *scripted) ExecuteAll(_ context.Context, rs []eventstore.Request) []eventstore.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]eventstore.Answer, len(rs))
	for i := range rs {
		if len(s.errs) > 0 {
			all[i].Err, s.errs = s.errs[0], s.errs[1:]
		}
	}
	return all
}

func TestTroubleOfTheStore(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err    error
		status int
		code   string
		retry  string
	}{
		"overload":         {&eventstore.OverloadedError{Stream: "workspace-lab", RetryAfter: time.Second}, 503, "overloaded", "1"},
		"a longer one":     {&eventstore.OverloadedError{RetryAfter: 1500 * time.Millisecond}, 503, "overloaded", "2"},
		"no store":         {&eventstore.UnavailableError{Cause: errors.New("secret host")}, 503, "unavailable", "1"},
		"unknown outcome":  {&eventstore.OutcomeUnknownError{Cause: context.DeadlineExceeded}, 503, "unavailable", "1"},
		"paused":           {&eventstore.PausedError{Cause: domain.ErrUnknownEvent}, 503, "paused", "1"},
		"damaged":          {&eventstore.DamagedError{Reason: "cut"}, 503, "unavailable", "1"},
		"something else":   {errors.New("secret"), 503, "unavailable", "1"},
		"too many facts":   {&eventstore.TooLargeError{Size: 2, Limit: 1}, 413, "too_large", ""},
		"deleted":          {&domain.Error{Code: domain.Gone, Subject: "workspace"}, 410, "gone", ""},
		"archived":         {&domain.Error{Code: domain.Archived, Subject: "workspace"}, 409, "archived", ""},
		"a rule":           {&domain.Error{Code: domain.Invalid, Subject: "inputs"}, 400, "invalid", ""},
		"another of an id": {&eventstore.CommandConflictError{}, 409, "conflict", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := serve(t, &scripted{errs: []error{tt.err}})
			a := post(t, s.URL+"/api/v1/lineage", runEvent)
			if a.status != tt.status || a.Error.Code != tt.code || a.header.Get("Retry-After") != tt.retry || strings.Contains(a.text, "secret") || a.Error.Field == "" || a.Error.Rule == "" || a.Error.Message == "" {
				t.Errorf("%d, Retry-After %q, %s", a.status, a.header.Get("Retry-After"), a.text)
			}
			if a := post(t, s.URL+"/api/v1/lineage", runEvent); a.status != http.StatusCreated {
				t.Errorf("and then: %d %s", a.status, a.text)
			}
		})
	}
}

func TestTroubleInABatch(t *testing.T) {
	t.Parallel()
	down := &eventstore.UnavailableError{Cause: errors.New("down")}
	batch := func(events int) string { return strings.Repeat(runEvent+"\n", events) }
	t.Run("before anything was recorded", func(t *testing.T) {
		t.Parallel()
		s, seen := serve(t, &scripted{errs: []error{down, down, down}})
		a := post(t, s.URL+"/api/v1/lineage/batch", batch(3))
		if a.status != 503 || a.header.Get("Retry-After") != "1" || seen.counts["deferred"] != 1 {
			t.Errorf("%d %s, observed %v", a.status, a.text, seen.counts)
		}
	})
	t.Run("after something was recorded", func(t *testing.T) {
		t.Parallel()
		s, seen := serve(t, &scripted{errs: []error{nil, down}})
		a := post(t, s.URL+"/api/v1/lineage/batch", batch(atOnce+2))
		// The second of the first chunk failed; the chunk after it is not tried.
		if a.status != 200 || a.Status != "partial_success" || a.Summary != (batchCounts{atOnce + 2, atOnce - 1, 3, 3, 0, 0}) || !a.Failed[0].Retriable {
			t.Errorf("%d %.300s", a.status, a.text)
		}
		if want := map[string]int{"accepted": atOnce - 1, "deferred": 3}; !reflect.DeepEqual(seen.counts, want) {
			t.Errorf("observed %v, want %v", seen.counts, want)
		}
	})
	t.Run("that is of one event", func(t *testing.T) {
		t.Parallel()
		s, _ := serve(t, &scripted{errs: []error{&eventstore.TooLargeError{}, nil}})
		a := post(t, s.URL+"/api/v1/lineage/batch", batch(2))
		if a.status != 200 || a.Summary != (batchCounts{2, 1, 1, 0, 1, 0}) {
			t.Errorf("%d %s", a.status, a.text)
		}
	})
}

// stuck never answers before its caller gives up.
type stuck struct{ scripted }

func (s *stuck) Execute(ctx context.Context, _ eventstore.Request) (eventstore.Result, error) {
	<-ctx.Done()
	return eventstore.Result{}, &eventstore.OutcomeUnknownError{Cause: ctx.Err()}
}

func TestASlowStoreIsAnsweredForBeforeTheClientGivesUp(t *testing.T) {
	t.Parallel()
	h := &Handler{Door: door, Commands: &stuck{}, Timeout: time.Millisecond}
	w := httptest.NewRecorder()
	h.Routes()[0].Handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/api/v1/lineage", strings.NewReader(runEvent)))
	if w.Code != 503 || w.Header().Get("Retry-After") != "1" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// All real events one by one over many connections, each twice: every one is 201, and none is recorded twice.
func TestRealEventsOverManyConnections(t *testing.T) {
	t.Parallel()
	store, x := laboratory(t, eventstore.Config{})
	s, seen := serve(t, x)
	events := shared(t, "events/*/real.ndjson")
	queue := make(chan []byte)
	var workers sync.WaitGroup
	for range 32 {
		workers.Go(func() {
			for body := range queue {
				if a := post(t, s.URL+"/api/v1/lineage", string(body), "Content-Type", "application/json"); a.status != http.StatusCreated {
					t.Errorf("%d %s\n%s", a.status, a.text, body)
				}
			}
		})
	}
	for range 2 {
		for _, e := range events {
			queue <- e
		}
	}
	close(queue)
	workers.Wait()
	if seen.counts["accepted"] != 960 || seen.counts["duplicate"] != 960 {
		t.Errorf("observed %v", seen.counts)
	}
	found := map[string]bool{}
	page, err := store.ReadStream(t.Context(), "workspace-lab", 0, eventstore.Forward, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range page.Events {
		found[e.Meta.CommandID] = true
	}
	if len(found) != 961 {
		t.Errorf("%d commands in the stream, want 960 and the workspace's", len(found))
	}
}
