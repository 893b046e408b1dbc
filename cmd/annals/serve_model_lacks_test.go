package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/annals-io/annals/internal/pgtest"
)

// What an older version's tables may lack: every column of every table but those that all rows have; a table; the
// times of revisions, a view by which every question is opened.
var lacks = map[string]string{
	"columns": `
SELECT string_agg(format('ALTER TABLE %I.%I DROP COLUMN IF EXISTS %I CASCADE', n.nspname, c.relname, a.attname), '; ')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
WHERE n.nspname = 'read_1' AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
AND a.attname NOT IN ('ws', 'key', 'since', 'until', 'level', 'revision', 'pipeline', 'run', 'artifact') AND c.relname NOT IN ('progress', 'audit_entries', 'lanes', 'parked')`,
	"a table": `SELECT 'DROP TABLE read_1.runs CASCADE'`,
	"times":   `SELECT 'ALTER TABLE read_1.audit_entries DROP COLUMN recorded_at CASCADE'`,
}

// While a new version answers from tables that an older one made, a question about what they lack is answered so that
// the asker knows why and that it passes: never as a fault of the server. In a model of its own version it is one.
func TestQuestionsThatTheOldTablesCannotAnswer(t *testing.T) {
	t.Parallel()
	root, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(root, "examples", "*.graphql"))
	if err != nil || len(files) < 12 {
		t.Fatalf("%d examples, %v; want a dozen", len(files), err)
	}
	for name, tt := range map[string]struct {
		lack  string
		other bool // the model is another version's
		code  string
	}{
		"columns":                 {"columns", true, "READ_MODEL_OUTDATED"},
		"a table":                 {"a table", true, "READ_MODEL_OUTDATED"},
		"times":                   {"times", true, "READ_MODEL_OUTDATED"},
		"columns of its own ones": {"columns", false, "INTERNAL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOutdated(t)
			if !tt.other {
				pgtest.Exec(t, o.database, `UPDATE log.models SET version = '`+o.version+`'`)
			}
			o.start("manual")
			defer func() { o.stop() }()
			pgtest.Exec(t, o.database, strings.Split(textOf(t, o.database, lacks[tt.lack]), "; ")...)
			coded := map[string]int{}
			for _, file := range files {
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				status, answer, _ := o.call(t, "POST", "/graphql", o.Key, string(rawJSON(map[string]string{"query": string(text)})), "Content-Type", "application/json", "Accept", "application/graphql-response+json")
				var got struct {
					Errors []struct {
						Message    string
						Extensions struct {
							Code, Rule   string
							RetryAfterMs int
						}
					}
				}
				decode(t, answer, &got)
				if status != http.StatusOK {
					t.Errorf("%s answers %d %s", filepath.Base(file), status, answer)
				}
				for _, e := range got.Errors {
					coded[e.Extensions.Code]++
					if e.Extensions.Code == "READ_MODEL_OUTDATED" && (e.Extensions.Rule == "" || e.Extensions.RetryAfterMs == 0 || strings.Contains(e.Message, "read_1")) {
						t.Errorf("%s answers %+v", filepath.Base(file), e)
					}
				}
			}
			if wrong := map[string]string{"INTERNAL": "READ_MODEL_OUTDATED", "READ_MODEL_OUTDATED": "INTERNAL"}[tt.code]; coded[tt.code] < 6 || coded[wrong] > 0 {
				t.Errorf("the answers have the codes %v; want %s alone", coded, tt.code)
			}
			for _, path := range []string{"/v1/status", "/v1/projections", "/readyz"} {
				if status, text, _ := o.call(t, "GET", path, o.Key, ""); status != 200 {
					t.Errorf("%s answers %d %s", path, status, text)
				}
			}
			if tt.other {
				if _, errs, exit := o.annals("", "run", "list", "-o", "json"); exit != exitTimeout || !strings.Contains(errs, "read_model_outdated") {
					t.Errorf("run list exits %d: %s", exit, errs)
				}
			}
		})
	}
}
