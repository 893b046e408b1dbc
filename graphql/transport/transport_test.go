package transport_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	gql "github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/annals-io/annals/graphql/transport"
)

const schema = `
	type Query { name: String! echo(id: ID!): ID }
	type Mutation { change: Int! }
	type Subscription { count(to: Int!): Int! forever: Int! }`

// serve answers the small schema above over all three transports. Subscription count sends 1, 2, ... and ends;
// forever sends 1 and stays open until its caller is gone, which it tells on ended.
func serve(t *testing.T) (url string, ended chan struct{}) {
	t.Helper()
	return serveWith(t, transport.WebSocket{Message: 4096, Operations: 3, InitTimeout: time.Minute})
}

// serveWith is serve with other limits of WebSockets.
func serveWith(t *testing.T, socket transport.WebSocket) (url string, ended chan struct{}) {
	t.Helper()
	ended = make(chan struct{}, 16)
	parsed := gqlparser.MustLoadSchema(&ast.Source{Input: schema})
	exec := executor.New(&gql.ExecutableSchemaMock{
		SchemaFunc:     func() *ast.Schema { return parsed },
		ComplexityFunc: func(context.Context, string, string, int, map[string]any) (int, bool) { return 0, false },
		ExecFunc: func(ctx context.Context) gql.ResponseHandler {
			op := gql.GetOperationContext(ctx)
			if op.Operation.Operation != ast.Subscription {
				return gql.OneShot(&gql.Response{Data: []byte(`{"name":"annals"}`)})
			}
			field := op.Operation.SelectionSet[0].(*ast.Field)
			n, last := 0, 1
			if field.Name == "forever" {
				context.AfterFunc(ctx, func() { ended <- struct{}{} })
			}
			if field.Name == "count" {
				_, _ = fmt.Sscan(field.Arguments[0].Value.Raw, &last)
			}
			return func(ctx context.Context) *gql.Response {
				if n++; n <= last {
					return &gql.Response{Data: []byte(fmt.Sprintf(`{"%s":%d}`, field.Name, n))}
				}
				if field.Name == "forever" {
					<-ctx.Done()
				}
				return nil
			}
		},
	})
	exec.AroundOperations(func(ctx context.Context, next gql.OperationHandler) gql.ResponseHandler {
		// As a time limit does: the context of a query ends with its answer.
		if gql.GetOperationContext(ctx).Operation.Operation == ast.Subscription {
			return next(ctx)
		}
		ctx, cancel := context.WithCancel(ctx)
		respond := next(ctx)
		return func(ctx context.Context) *gql.Response {
			defer cancel()
			return respond(ctx)
		}
	})
	all := []gql.Transport{
		socket,
		transport.SSE{Body: 4096, URL: 4096, KeepAlive: 10 * time.Millisecond},
		transport.HTTP{Body: 4096, URL: 4096},
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.WithContext(gql.StartOperationTrace(r.Context()))
		for _, tr := range all {
			if tr.Supports(r) {
				tr.Do(w, r, exec)
				return
			}
		}
		transport.Refuse(w, r, "METHOD_NOT_ALLOWED", "no", nil)
	}))
	t.Cleanup(srv.Close)
	return srv.URL, ended
}

type answer struct {
	status int
	header http.Header
	body   string
}

// send does one request; headers are "name: value".
func send(t *testing.T, method, url, body string, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(b)}
}

const (
	isJSON    = "content-type: application/json"
	asGraphQL = "accept: application/graphql-response+json"
	asJSON    = "accept: application/json"
)

func TestPostAnswersByTheSpecification(t *testing.T) {
	t.Parallel()
	url, _ := serve(t)
	for name, tt := range map[string]struct {
		body    string
		headers []string
		status  int
		media   string
	}{
		"graphql media type":                  {`{"query":"{name}"}`, []string{isJSON, asGraphQL}, 200, "application/graphql-response+json"},
		"json":                                {`{"query":"{name}"}`, []string{isJSON, asJSON}, 200, "application/json"},
		"anything":                            {`{"query":"{name}"}`, []string{isJSON, "accept: */*"}, 200, "application/json"},
		"both, json weaker":                   {`{"query":"{name}"}`, []string{isJSON, "accept: application/json;q=0.9, application/graphql-response+json"}, 200, "application/graphql-response+json"},
		"both, equal":                         {`{"query":"{name}"}`, []string{isJSON, "accept: application/graphql-response+json, application/json"}, 200, "application/graphql-response+json"},
		"no accept":                           {`{"query":"{name}"}`, []string{isJSON}, 200, "application/json"},
		"neither is accepted":                 {`{"query":"{name}"}`, []string{isJSON, "accept: image/png"}, 406, "application/json"},
		"json refused outright":               {`{"query":"{name}"}`, []string{isJSON, "accept: application/json;q=0"}, 406, "application/json"},
		"utf-8 said":                          {`{"query":"{name}"}`, []string{"content-type: application/json; charset=utf-8"}, 200, "application/json"},
		"another charset":                     {`{"query":"{name}"}`, []string{"content-type: application/json; charset=latin1"}, 415, "application/json"},
		"no content type":                     {`{"query":"{name}"}`, nil, 415, "application/json"},
		"form":                                {`query={name}`, []string{"content-type: application/x-www-form-urlencoded"}, 415, "application/json"},
		"plain text":                          {`{"query":"{name}"}`, []string{"content-type: text/plain"}, 415, "application/json"},
		"multipart":                           {`{"query":"{name}"}`, []string{"content-type: multipart/form-data; boundary=x"}, 415, "application/json"},
		"compressed":                          {`{"query":"{name}"}`, []string{isJSON, "content-encoding: gzip"}, 415, "application/json"},
		"no body":                             {"", []string{isJSON}, 400, "application/json"},
		"batch":                               {`[{"query":"{name}"}]`, []string{isJSON}, 400, "application/json"},
		"no query":                            {`{"qeury":"{name}"}`, []string{isJSON, asGraphQL}, 400, "application/graphql-response+json"},
		"query is an object":                  {`{"query":{}}`, []string{isJSON}, 400, "application/json"},
		"query is a number":                   {`{"query":0}`, []string{isJSON}, 400, "application/json"},
		"operationName is a list":             {`{"query":"{name}","operationName":[]}`, []string{isJSON}, 400, "application/json"},
		"variables are a text":                {`{"query":"{name}","variables":"x"}`, []string{isJSON}, 400, "application/json"},
		"variables are a list":                {`{"query":"{name}","variables":[]}`, []string{isJSON}, 400, "application/json"},
		"variables are null":                  {`{"query":"{name}","variables":null}`, []string{isJSON}, 200, "application/json"},
		"extensions are false":                {`{"query":"{name}","extensions":false}`, []string{isJSON}, 400, "application/json"},
		"extensions are an object":            {`{"query":"{name}","extensions":{"a":1}}`, []string{isJSON}, 200, "application/json"},
		"not JSON":                            {`{ "not a JSON`, []string{isJSON}, 400, "application/json"},
		"not UTF-8":                           {"{\"query\":\"{name}\xff\"}", []string{isJSON}, 400, "application/json"},
		"document does not parse, graphql":    {`{"query":"{"}`, []string{isJSON, asGraphQL}, 400, "application/graphql-response+json"},
		"document does not parse, json":       {`{"query":"{"}`, []string{isJSON, asJSON}, 200, "application/json"},
		"document is not valid, graphql":      {`{"query":"{nope}"}`, []string{isJSON, asGraphQL}, 400, "application/graphql-response+json"},
		"document is not valid, json":         {`{"query":"{nope}"}`, []string{isJSON, asJSON}, 200, "application/json"},
		"a variable is missing, graphql":      {`{"query":"query($id:ID!){echo(id:$id)}"}`, []string{isJSON, asGraphQL}, 400, "application/graphql-response+json"},
		"a variable is missing, json":         {`{"query":"query($id:ID!){echo(id:$id)}"}`, []string{isJSON, asJSON}, 200, "application/json"},
		"operation is not there":              {`{"query":"query A{name}","operationName":"B"}`, []string{isJSON, asGraphQL}, 400, "application/graphql-response+json"},
		"a subscription, without a stream":    {`{"query":"subscription{forever}"}`, []string{isJSON}, 406, "application/json"},
		"larger than a body may be":           {`{"query":"` + strings.Repeat(" ", 5000) + `"}`, []string{isJSON}, 413, "application/json"},
		"members beside those of the request": {`{"query":"{name}","more":1}`, []string{isJSON}, 200, "application/json"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := send(t, "POST", url, tt.body, tt.headers...)
			if got.status != tt.status || !strings.HasPrefix(got.header.Get("Content-Type"), tt.media+";") {
				t.Errorf("answered %d %s: %s; want %d %s", got.status, got.header.Get("Content-Type"), got.body, tt.status, tt.media)
			}
			var shape map[string]json.RawMessage
			if err := json.Unmarshal([]byte(got.body), &shape); err != nil {
				t.Fatalf("answered no JSON: %s", got.body)
			}
			_, failed := shape["errors"]
			if _, carriedOut := shape["data"]; carriedOut == failed {
				t.Errorf("data and errors: %s; want one of them", got.body)
			}
			var refused struct {
				Errors []struct{ Extensions struct{ Code, Rule string } }
			}
			_ = json.Unmarshal([]byte(got.body), &refused) // it was read before
			for _, e := range refused.Errors {
				if e.Extensions.Code == "" || e.Extensions.Rule == "" {
					t.Errorf("refused by %s; want a code and a rule", got.body)
				}
			}
		})
	}
}

func TestGetAsksAndNeverChanges(t *testing.T) {
	t.Parallel()
	url, _ := serve(t)
	for name, tt := range map[string]struct {
		method, query string
		status        int
		allow         string
	}{
		"query":              {"GET", `?query={name}`, 200, ""},
		"with variables":     {"GET", `?query=query($id:ID!){echo(id:$id)}&variables={"id":"1"}`, 200, ""},
		"bad variables":      {"GET", `?query={name}&variables=1`, 400, ""},
		"two queries":        {"GET", `?query={name}&query={name}`, 400, ""},
		"no query":           {"GET", `?x=1`, 400, ""},
		"mutation":           {"GET", `?query=mutation{change}`, 405, "POST"},
		"mutation by stream": {"GET", `?query=mutation{change}`, 405, "POST"},
		"too long":           {"GET", `?query={name}&x=` + strings.Repeat("x", 5000), 413, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			headers := []string{asGraphQL}
			if strings.Contains(name, "stream") {
				headers = []string{"accept: text/event-stream"}
			}
			got := send(t, tt.method, url+"/"+strings.NewReplacer(" ", "%20", `"`, "%22", "{", "%7B", "}", "%7D").Replace(tt.query), "", headers...)
			if got.status != tt.status || got.header.Get("Allow") != tt.allow {
				t.Errorf("answered %d, Allow %q: %s; want %d, Allow %q", got.status, got.header.Get("Allow"), got.body, tt.status, tt.allow)
			}
		})
	}
}

// TestRefusalsRepeatNothing: what could not be read is not in the answer, whatever it was.
func TestRefusalsRepeatNothing(t *testing.T) {
	t.Parallel()
	url, _ := serve(t)
	for _, body := range []string{`{"query": s3cret`, `s3cret`, `{"query":"{name}","variables":"s3cret"}`, `["s3cret"]`} {
		for _, accept := range []string{asJSON, asGraphQL, "accept: text/event-stream"} {
			if got := send(t, "POST", url, body, isJSON, accept); strings.Contains(got.body, "s3cret") || got.status != 400 {
				t.Errorf("%s with %s answered %d %s", body, accept, got.status, got.body)
			}
		}
	}
}

func TestStreamOfEvents(t *testing.T) {
	t.Parallel()
	url, _ := serve(t)
	got := send(t, "POST", url, `{"query":"subscription{count(to:2)}"}`, isJSON, "accept: text/event-stream")
	events := strings.ReplaceAll(got.body, ":\n\n", "") // comments keep the line open
	want := "event: next\ndata: {\"data\":{\"count\":1}}\n\nevent: next\ndata: {\"data\":{\"count\":2}}\n\nevent: complete\ndata: {}\n\n"
	if got.status != 200 || events != want || !strings.HasPrefix(got.header.Get("Content-Type"), "text/event-stream") {
		t.Errorf("answered %d %s %q; want %q", got.status, got.header.Get("Content-Type"), got.body, want)
	}
	one := send(t, "POST", url, `{"query":"{name}"}`, isJSON, "accept: text/event-stream")
	if want := "event: next\ndata: {\"data\":{\"name\":\"annals\"}}\n\nevent: complete\ndata: {}\n\n"; strings.ReplaceAll(one.body, ":\n\n", "") != want {
		t.Errorf("a query answered %q; want %q", one.body, want)
	}
	bad := send(t, "POST", url, `{"query":"subscription{nope}"}`, isJSON, "accept: text/event-stream")
	if bad.status != 400 {
		t.Errorf("a document that is not valid answered %d %s; want 400", bad.status, bad.body)
	}
}

func TestStreamEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	url, ended := serve(t)
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "POST", url, strings.NewReader(`{"query":"subscription{forever}"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "text/event-stream")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	// Signs of life come while nothing else does.
	read := make([]byte, 512)
	var seen strings.Builder
	for strings.Count(seen.String(), ":\n\n") < 4 {
		n, err := resp.Body.Read(read)
		if err != nil {
			t.Fatal(err)
		}
		seen.Write(read[:n])
	}
	cancel()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("the subscription goes on without its caller")
	}
}
