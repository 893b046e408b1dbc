package main

import (
	"io"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// docs/cli.md names every command, setting, route and metric there is; routes may be in docs/rest.md instead.
func TestTheDocumentationIsWhole(t *testing.T) {
	t.Parallel()
	root, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	text := readFile(t, filepath.Join(root, "docs", "cli.md"))
	a := &app{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard, getenv: func(string) string { return "" }, terminal: func(io.Writer) bool { return false }}
	settings := map[string]bool{}
	visit(a.root(), func(c *cobra.Command) {
		if word := "`" + c.Name() + "`"; !strings.Contains(text, word) && !strings.Contains(text, c.CommandPath()) && c.Name() != "bench" {
			t.Errorf("docs/cli.md does not name `%s`", c.CommandPath())
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Annotations[markSetting] != nil {
				settings[f.Name] = true
			}
		})
	})
	for name := range settings {
		if !strings.Contains(text, "`"+name+"`") {
			t.Errorf("docs/cli.md does not name the setting `%s`", name)
		}
	}
	rest := readFile(t, filepath.Join(root, "docs", "rest.md"))
	slug := regexp.MustCompile(`\{\w+\}`)
	for _, r := range routes() {
		_, path, _ := strings.Cut(r.Pattern, " ")
		if strings.Contains(rest, "`"+path+"`") {
			continue
		}
		path = slug.ReplaceAllStringFunc(path, func(s string) string {
			return map[string]string{"{slug}": "SLUG", "{id}": "ID", "{run}": "RUN", "{file}": "{file}"}[s]
		})
		path = strings.TrimPrefix(strings.TrimPrefix(strings.TrimSuffix(path, "{$}"), "/workspaces/SLUG"), "/workspaces")
		if !strings.Contains(text, path) {
			t.Errorf("docs/cli.md does not name %s", r.Pattern)
		}
	}
	families, err := newMetrics().registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if name := f.GetName(); strings.HasPrefix(name, "annals_") && !strings.Contains(text, "`"+name+"`") {
			t.Errorf("docs/cli.md does not name the metric %s", name)
		}
	}
	for _, key := range []string{expiresHeader, addressFile, firstKeyFile} {
		if !strings.Contains(text, key) {
			t.Errorf("docs/cli.md does not name %s", key)
		}
	}
}
