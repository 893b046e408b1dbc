package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// momentless are the commands that show something and take no --as-of, each with the reason.
var momentless = map[string]string{
	"annals account list":       "who can sign in is about now; what became of an account is in the history of its organization",
	"annals audit key":          "the key is the instance's, now",
	"annals config":             "it is about this command line",
	"annals diff":               "it takes two: --from and --to",
	"annals fork":               "it writes",
	"annals key list":           "what opens the door does so now; how keys came and went is in `annals log`",
	"annals operation list":     "it is about work of the server, which is no part of a workspace's history",
	"annals operation show":     "it is about work of the server, which is no part of a workspace's history",
	"annals profile list":       "it is about this command line",
	"annals projection list":    "it is about the server, now",
	"annals projection swap":    "it is about the read models that wait, now",
	"annals replay":             "it takes --from and --until",
	"annals role define":        "it writes",
	"annals role permissions":   "the list is closed, and the program's own",
	"annals version":            "it is about this program",
	"annals whoami":             "it is about the credential of this request",
	"annals workspace classify": "it writes",
	"annals projection verify":  "it is about the read models, now",
	"annals audit prove":        "it is about one event, which never changes",
}

// Every command that lists or shows something takes a moment: those whose help begins with one of these words.
var showing = []string{"List ", "Show ", "Print ", "Prints ", "Say "}

func TestEveryListTakesAMoment(t *testing.T) {
	t.Parallel()
	a := &app{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard, getenv: func(string) string { return "" }, terminal: func(io.Writer) bool { return false }}
	taken := 0
	visit(a.root(), func(c *cobra.Command) {
		shows := false
		for _, word := range showing {
			shows = shows || strings.HasPrefix(c.Short+" ", word)
		}
		takes := c.Flags().Lookup("as-of") != nil
		switch {
		case takes && momentless[c.CommandPath()] != "":
			t.Errorf("%s takes --as-of, and is listed as taking none", c.CommandPath())
		case takes:
			taken++
		case shows && !c.HasSubCommands() && momentless[c.CommandPath()] == "":
			t.Errorf("%s (%s) takes no --as-of: give it one, or say in momentless why not", c.CommandPath(), c.Short)
		}
	})
	if taken < 20 {
		t.Errorf("%d commands take --as-of; there were more", taken)
	}
}

// A moment that is none, or that the workspace does not have, is refused with the way out.
func TestBadMomentsAreRefused(t *testing.T) {
	t.Parallel()
	s := loaded(t)
	for _, tt := range []struct {
		args []string
		exit int
		says string
	}{
		{[]string{"run", "list", "--as-of", "2001-01-01"}, exitNotFound, "no event at that moment"},
		{[]string{"run", "list", "--as-of", "2999-01-01"}, exitNotFound, "ahead of the server's time"},
		{[]string{"run", "list", "--as-of", "4711"}, exitNotFound, "has no revision 4711 yet"},
		{[]string{"run", "list", "--as-of", "yesterday"}, exitUsage, "neither a revision nor a time"},
		{[]string{"member", "list", "--as-of", "4711"}, exitNotFound, "has no revision 4711 yet"},
		{[]string{"workspace", "list", "--as-of", "3"}, exitUsage, "give asOf.time"},
		{[]string{"diff", "--from", "yesterday"}, exitUsage, "--from \"yesterday\" is neither"},
		{[]string{"diff", "--from", "1", "--to", "4711"}, exitNotFound, "has no revision 4711 yet"},
		{[]string{"diff", "--from", "3", "--to", "1"}, exitUsage, "from is the earlier one"},
		{[]string{"diff"}, exitUsage, "--from is missing"},
		{[]string{"run", "list", "--as-of", "99999999999999999999"}, exitUsage, "--as-of 99999999999999999999 is larger than any revision"},
		{[]string{"run", "show", "train#2", "--as-of", "3"}, exitNotFound, `there is no run "train#2" as of revision 3, recorded 2`},
		{[]string{"run", "list", "--as-of", ""}, exitUsage, "it is empty"},
		{[]string{"diff", "--from", "1", "--to", ""}, exitUsage, "it is empty"},
	} {
		_, errs, exit := s.annals("", tt.args...)
		if exit != tt.exit || !strings.Contains(errs, tt.says) {
			t.Errorf("%v: exit %d, want %d: %s", tt.args, exit, tt.exit, errs)
		}
	}
}

// Every line of ndjson names the moment that it shows, and no line is anything but a row. What no row can say stands on
// standard error.
func TestEveryLineNamesItsMoment(t *testing.T) {
	t.Parallel()
	s := loaded(t)
	lines := func(exit int, args ...string) (rows []map[string]any, beside string) {
		t.Helper()
		out, errs, got := s.annals("", append(args, "-o", "ndjson")...)
		if got != exit {
			t.Fatalf("%v: exit %d, want %d: %s", args, got, exit, errs)
		}
		for line := range strings.Lines(out) {
			var row map[string]any
			decode(t, line, &row)
			rows = append(rows, row)
		}
		return rows, errs
	}
	for _, command := range []string{"run list --all", "pipeline list", "artifact list", "artifact versions features", "lineage features", "log --limit 0", "member list", "role list", "run show train#2", "workspace show default", "access who-can workspace:read"} {
		for _, asOf := range [][]string{nil, {"--as-of", "70"}} {
			rows, errs := lines(0, append(strings.Fields(command), asOf...)...)
			if len(rows) == 0 || errs != "" {
				t.Errorf("%s %v prints %d rows, and %q beside them", command, asOf, len(rows), errs)
			}
			for _, row := range rows {
				if at, _ := row["asOf"].(map[string]any); at == nil || at["revision"] == nil || asOf != nil && fmt.Sprint(at["revision"]) != "70" {
					t.Errorf("%s %v prints the line %v", command, asOf, row)
				}
			}
		}
	}
	for _, command := range []string{"workspace", "organization"} {
		if out, errs, exit := s.annals("", command, "list", "--as-of", "2001-01-01"); exit != 0 || !strings.HasSuffix(out, "\nas of 2001-01-01T00:00:00Z\n") {
			t.Errorf("%s list, of before there was any, prints %q %s", command, out, errs)
		}
		if rows, errs := lines(0, command, "list", "--as-of", "2001-01-01"); len(rows) != 0 || !strings.Contains(errs, `"asOf":{"time":"2001-01-01T00:00:00Z"}`) {
			t.Errorf("%s list, of before there was any, prints %v, and %q beside it", command, rows, errs)
		}
	}
	if rows, errs := lines(0, "workspace", "list"); len(rows) == 0 || rows[0]["asOf"] == nil || errs != "" {
		t.Errorf("workspaces are listed as %v, %s", rows, errs)
	}

	var beside struct {
		NextCursor *string
		AsOf       struct{ Revision int }
	}
	rows, errs := lines(0, "pipeline", "list", "--as-of", "0")
	decode(t, errs, &beside)
	if len(rows) != 0 || beside.AsOf.Revision != 0 || !strings.Contains(errs, `"revision":0`) {
		t.Errorf("an empty list prints %v, and %q beside it", rows, errs)
	}
	first, errs := lines(0, "run", "list", "--all", "--limit", "1")
	decode(t, errs, &beside)
	if len(first) != 1 || beside.NextCursor == nil {
		t.Fatalf("a list that is cut off prints %v, and %q beside it", first, errs)
	}
	if next, _ := lines(0, "run", "list", "--all", "--limit", "1", "--after", *beside.NextCursor); len(next) != 1 || next[0]["id"] == first[0]["id"] {
		t.Errorf("after %v comes %v", first, next)
	}

	differ, errs := lines(exitUnverified, "diff", "--from", "2", "--to", "20")
	for _, row := range differ {
		from, _ := row["from"].(map[string]any)
		to, _ := row["to"].(map[string]any)
		if fmt.Sprint(from["revision"], to["revision"]) != "2 20" {
			t.Errorf("a difference is %v", row)
		}
	}
	if len(differ) == 0 {
		t.Errorf("nothing differs: %s", errs)
	}
	if same, errs := lines(0, "diff", "--from", "20", "--to", "20"); len(same) != 0 || !strings.Contains(errs, `"identical":true`) {
		t.Errorf("no difference is %v, and %q beside it", same, errs)
	}
}

// A list of several pages is of the moment that its first page showed, whatever is recorded before the next one is read.
func TestAListIsOfOneMoment(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"run list --workspace w", "artifact versions a --workspace w", "member list --workspace w", "access who-can workspace:read --workspace w", "team show core --organization w"} {
		var asked []string
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var q struct {
				Variables struct {
					AsOf  *struct{ Revision *int }
					After *string
				}
			}
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			decode(t, string(body), &q)
			revision, more := 7, q.Variables.After == nil
			if at := q.Variables.AsOf; at != nil && at.Revision != nil {
				revision = *at.Revision
			} else if !more {
				revision = 8 // something was recorded
			}
			asked = append(asked, fmt.Sprint(revision))
			at := fmt.Sprintf(`"asOf":{"revision":%d,"time":"2026-03-01T00:00:00Z","settled":true}`, revision)
			page := fmt.Sprintf(`"nodes":[{"id":"x"}],"pageInfo":{"hasNextPage":%v,"endCursor":"c"},"totalCount":2`, more)
			w.Header().Set("Content-Type", "application/graphql-response+json")
			fmt.Fprintf(w, `{"data":{"workspace":{%[1]s,"it":{"page":{%[2]s},%[2]s}},"place":{%[1]s,"it":{"members":{%[2]s},%[2]s}},"whoCan":{%[1]s,%[2]s}}}`, at, page)
		}))
		defer server.Close()
		a, out, errs := quiet("")
		root := a.root()
		root.SetArgs(append(strings.Fields(command), "-o", "ndjson", "--url", server.URL, "--api-key", "k", "--limit", "0"))
		if err := root.ExecuteContext(t.Context()); err != nil {
			t.Fatalf("%s: %v %s", command, err, errs)
		}
		if strings.Join(asked, " ") != "7 7" || strings.Count(out.String(), `"revision":7`) != 2 {
			t.Errorf("%s asks as of revisions %v and prints %s", command, asked, out)
		}
	}
}
