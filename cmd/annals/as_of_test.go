package main

import (
	"io"
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
	} {
		_, errs, exit := s.annals("", tt.args...)
		if exit != tt.exit || !strings.Contains(errs, tt.says) {
			t.Errorf("%v: exit %d, want %d: %s", tt.args, exit, tt.exit, errs)
		}
	}
}
