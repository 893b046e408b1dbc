package main

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/annals-io/annals/internal/pgtest"
)

// limitFlags are the settings of GraphQL's limits.
func limitFlags() map[string]*pflag.Flag {
	var f serveFlags
	fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	f.set(fs)
	found := map[string]*pflag.Flag{}
	fs.VisitAll(func(flag *pflag.Flag) {
		if strings.HasPrefix(flag.Name, "graphql-") {
			found[flag.Name] = flag
		}
	})
	return found
}

// What cannot be meant is refused, with what can: by a flag, the environment and the file alike.
func TestLimitsThatCannotBeMeant(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, value, says string }{
		{"graphql-depth", "0", "8 to 50"}, {"graphql-depth", "-3", "8 to 50"}, {"graphql-depth", "51", "8 to 50"}, {"graphql-depth", "deep", "8 to 50"}, {"graphql-depth", "12.5", "8 to 50"},
		{"graphql-page", "0", "10 to 5,000"}, {"graphql-page", "99999999999999999999", "10 to 5,000"}, {"graphql-cost", "9999", "10,000 to 100,000,000"},
		{"graphql-body", "1", "16KiB to 64MiB"}, {"graphql-body", "1GiB", "16KiB to 64MiB"}, {"graphql-body", "9223372036854775807MiB", "16KiB to 64MiB"}, {"graphql-body", "-1MiB", "16KiB to 64MiB"},
		{"graphql-query-string", "64KiB", "1KiB to 48KiB"}, {"graphql-timeout", "10", "100ms to 1m0s"}, {"graphql-timeout", "0s", "100ms to 1m0s"}, {"graphql-timeout", "2m", "100ms to 1m0s"},
		{"graphql-init-timeout", "-1s", "100ms to 1m0s"}, {"graphql-streams", "0", "1 to 100,000"},
	} {
		for from, given := range map[string]struct {
			args []string
			env  map[string]string
		}{
			"flag":        {args: []string{"serve", "--" + tt.name + "=" + tt.value}},
			"environment": {args: []string{"serve"}, env: map[string]string{envOf(tt.name): tt.value}},
		} {
			a, _, errs := quiet("table")
			a.stdin, a.getenv = strings.NewReader(""), func(name string) string { return given.env[name] }
			if exit := a.main(given.args); exit != exitUsage || !strings.Contains(errs.String(), tt.says) || !strings.Contains(errs.String(), tt.name) {
				t.Errorf("%s %q by %s: exit %d, %s; want %q", tt.name, tt.value, from, exit, errs, tt.says)
			}
		}
	}
	for name, flag := range limitFlags() {
		before := flag.Value.String()
		if err := flag.Value.Set(before); err != nil || flag.Value.String() != before || before != flag.DefValue {
			t.Errorf("%s does not take its own default %q: %v", name, before, err)
		}
	}
}

// Every limit is a setting, is shown by `annals config`, and stands with its default in docs/limits.md.
func TestLimitsAreDocumented(t *testing.T) {
	t.Parallel()
	root, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	text := readFile(t, filepath.Join(root, "docs", "limits.md"))
	a, out, _ := quiet("table")
	a.stdin, a.getenv = strings.NewReader(""), func(name string) string { return map[string]string{"ANNALS_GRAPHQL_BODY": "2MiB"}[name] }
	if exit := a.main([]string{"config", "-o", "ndjson", "--graphql-depth", "20"}); exit != 0 {
		t.Fatal(out)
	}
	flags := limitFlags()
	if len(flags) != 16 {
		t.Errorf("there are %d limits", len(flags))
	}
	for name, flag := range flags {
		if !strings.Contains(out.String(), `{"name":"`+name+`","value":"`) {
			t.Errorf("annals config does not show %s", name)
		}
		said := false
		for line := range strings.Lines(text) {
			said = said || strings.Contains(line, "`--"+name+"`") && strings.Contains(line, " "+shownDefault(flag)+" ")
		}
		if !said {
			t.Errorf("docs/limits.md has no line with `--%s` and %s", name, shownDefault(flag))
		}
	}
	for _, line := range []string{
		`{"name":"graphql-depth","value":"20","source":"flag","environment":"ANNALS_GRAPHQL_DEPTH",`,
		`{"name":"graphql-body","value":"2MiB","source":"environment ANNALS_GRAPHQL_BODY",`,
	} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("annals config does not show %s", line)
		}
	}
}

// shownDefault is how docs write a default: 5,000, 1 MiB, 10 s.
func shownDefault(flag *pflag.Flag) string {
	var n int
	if _, err := fmt.Sscan(flag.DefValue, &n); err == nil && fmt.Sprint(n) == flag.DefValue {
		return grouped(n)
	}
	return strings.NewReplacer("MiB", " MiB", "KiB", " KiB", "s", " s").Replace(flag.DefValue)
}

// The limits that a server was started with hold, and it tells them; the command line gets along with smaller pages.
func TestLimitsThatWereSetHold(t *testing.T) {
	t.Parallel()
	s := startServerIn(t, pgtest.Dir(t), pgtest.URL(t), t.Cleanup, func(f *serveFlags) {
		fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
		fs.SetOutput(io.Discard)
		var with serveFlags
		with.set(fs)
		if err := fs.Parse([]string{"--graphql-depth=8", "--graphql-page=10", "--graphql-aliases=10", "--graphql-body=16KiB", "--graphql-query-string=1KiB", "--graphql-cost=10000", "--graphql-events=1", "--graphql-root-fields=2"}); err != nil {
			t.Fatal(err)
		}
		f.limits = with.limits
	})
	for i := range 25 {
		if _, errs, exit := s.annals(strings.ReplaceAll(oneRun, "%", fmt.Sprint("r", i)), "import", "events", "-"); exit != 0 {
			t.Fatal(errs)
		}
	}
	ask := func(query string) (int, string) {
		status, body, _ := s.call(t, "POST", "/graphql", s.Key, string(rawJSON(map[string]string{"query": query})), "Content-Type", "application/json", "Accept", "application/graphql-response+json")
		return status, body
	}
	aliases := ""
	for i := range 11 {
		aliases += fmt.Sprintf(" a%d: slug", i)
	}
	for query, want := range map[string]string{
		`{ workspace(slug: "default") { runs(first: 1) { nodes { pipeline { runs(first: 1) { nodes { pipeline { runs(first: 1) { nodes { id } } } } } } } } } }`: "QUERY_TOO_LARGE",
		`{ workspace(slug: "default") { runs(first: 11) { nodes { id } } } }`:                                                                                    "10",
		`{ workspace(slug: "default") {` + aliases + ` } }`:                                                                                                      "QUERY_TOO_LARGE",
		`{ a: __typename b: __typename c: __typename }`:                                                                                                          "QUERY_TOO_LARGE",
		`{ viewer { id } } #` + strings.Repeat("x", 17<<10):                                                                                                      "BODY_TOO_LARGE",
		`{ server { limits { depth page aliases bodyBytes complexity ingestEvents rootFields } } }`:                                                              `{"depth":8,"page":10,"aliases":10,"bodyBytes":16384,"complexity":10000,"ingestEvents":1,"rootFields":2}`,
	} {
		if status, body := ask(query); !strings.Contains(body, want) {
			t.Errorf("%.80s answers %d %s; want %s", query, status, body, want)
		}
	}
	if status, body, _ := s.call(t, "GET", "/graphql?query=%7B__typename%7D&x="+strings.Repeat("x", 1024), s.Key, ""); status != 413 {
		t.Errorf("a long query string answers %d %s", status, body)
	}
	out, errs, exit := s.annals("", "run", "list", "--limit", "23", "-o", "json")
	var l struct{ Items []json.RawMessage }
	decode(t, out, &l)
	if exit != 0 || len(l.Items) != 23 {
		t.Errorf("run list exits %d with %d runs: %s", exit, len(l.Items), errs)
	}
}
