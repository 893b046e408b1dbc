package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/internal/embedded"
	"github.com/annals-io/annals/internal/esdbfake"
	"github.com/annals-io/annals/internal/pgtest"
)

// searched says where a value lies: in a dump of the whole database, in the files of its cluster, in the server's log, and
// in what is beside; as text, or as the hex in which dumps write bytes.
func searched(t *testing.T, c *embedded.Server, bin string, s *testServer, beside []string, values map[string]string) map[string][]string {
	t.Helper()
	dump, err := exec.CommandContext(t.Context(), filepath.Join(bin, "pg_dump"), "-d", asAdmin(t, c)).Output()
	if err != nil {
		t.Fatalf("dump: %v", err)
	}
	for _, table := range []string{"log.events", "log.evidence", "log.erasures", "log.accounts", "log.sessions", "ops.operations", "audit.tiles", "audit.checkpoints", "states.entity_states", "changes", "words", "invitations"} {
		if !bytes.Contains(dump, []byte("COPY "+table+" (")) && !bytes.Contains(dump, []byte("."+table+" (")) {
			t.Errorf("the dump has no table %s: the search proves nothing of it", table)
		}
	}
	places := map[string][]byte{"the dump": dump, "the log": []byte(s.Log.String())}
	pgtest.Exec(t, c.AdminURL(), "CHECKPOINT")
	for _, dir := range append([]string{c.Dir(), s.Dir}, beside...) {
		_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err == nil && e.IsDir() && e.Name() == "pg_wal" {
				return fs.SkipDir
			}
			if err == nil && !e.IsDir() {
				if b, err := os.ReadFile(path); err == nil { // a file may go while the server runs
					places[path] = b
				}
			}
			return nil
		})
	}
	found := map[string][]string{}
	for where, b := range places {
		for what, v := range values {
			if bytes.Contains(b, []byte(v)) || bytes.Contains(b, []byte(fmt.Sprintf("%x", v))) {
				found[what] = append(found[what], where)
			}
		}
	}
	return found
}

// storedEvidence is a body or text beside the log, as it is stored.
type storedEvidence struct{ salt, bytes string }

// evidenceOf is all evidence that there is, by digest.
func evidenceOf(t *testing.T, c *embedded.Server) map[string]storedEvidence {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), asAdmin(t, c))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	all := map[string]storedEvidence{}
	var digest, salt, stored []byte
	rows, _ := conn.Query(t.Context(), `SELECT digest, salt, bytes FROM log.evidence`)
	_, err = pgx.ForEachRow(rows, []any{&digest, &salt, &stored}, func() error {
		all[fmt.Sprintf("%x", digest)] = storedEvidence{string(salt), string(stored)}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Given a server with values of every kind that can be erased, on either backend, when each is erased by the command line,
// then no dump, file, log or export has a byte of any, every reader shows them as erased, the read models are those that
// the events make, and the signed history checks.
func TestNothingErasedIsLeft(t *testing.T) {
	t.Parallel()
	for name, eventstore := range map[string]func(t *testing.T) string{
		"PostgreSQL": func(*testing.T) string { return "" },
		"EventStoreDB": func(t *testing.T) string {
			fake, err := esdbfake.Start(esdbfake.Options{CertDir: t.TempDir(), Users: map[string]string{"admin": "changeit"}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(fake.Close)
			return fake.ConnectionString()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bin := dumpTools(t)
			c := cluster(t, bin)
			store := eventstore(t)
			s := startServerIn(t, pgtest.Dir(t), c.URL(), func(stop func()) { t.Cleanup(stop) }, func(f *serveFlags) { f.ownerURL, f.eventstore = c.OwnerURL(), store })
			erasedEverywhere(t, c, bin, s)
		})
	}
}

func erasedEverywhere(t *testing.T, c *embedded.Server, bin string, s *testServer) {
	t.Helper()
	v := map[string]string{}
	for _, what := range []string{"description", "sql", "message", "facet", "body", "about", "role", "invited", "name", "login"} {
		v[what] = "zq" + strings.ToLower(what) + "xkwvjq" + fmt.Sprint(len(v))
	}
	must := func(args ...string) string {
		t.Helper()
		out, errs, exit := s.annals("", args...)
		if exit != 0 {
			t.Fatalf("annals %v: %d %s%s", args, exit, out, errs)
		}
		return out
	}
	ol := func(run, job, facets, jobFacets string) int64 {
		t.Helper()
		status, said, _ := s.call(t, "POST", "/api/v1/lineage", s.Key, fmt.Sprintf(`{"eventType":"FAIL","eventTime":"2026-03-01T12:00:00Z","run":{"runId":%q,"facets":{%s}},"job":{"namespace":"n","name":%q,"facets":{%s}},"producer":"p","schemaURL":"s"}`, run, facets, job, jobFacets), "Content-Type", "application/json")
		var got struct{ Revision int64 }
		decode(t, said, &got)
		if status != 201 {
			t.Fatalf("send an event: %d %s", status, said)
		}
		return got.Revision
	}
	ask := func(query string) string {
		t.Helper()
		_, said, _ := s.call(t, "POST", "/graphql", s.Key, string(rawJSON(map[string]any{"query": query})), "Content-Type", "application/json")
		return said
	}
	ol("0190a2a0-0000-7000-8000-000000000001", "etl", fmt.Sprintf(`"errorMessage":{"message":%q,"programmingLanguage":"x"},"own":{"x":%q}`, v["message"], v["facet"]), fmt.Sprintf(`"sql":{"query":%q}`, "select 1 -- "+v["sql"]))
	at := ol("0190a2a0-0000-7000-8000-000000000002", "other", fmt.Sprintf(`"own":{"x":%q}`, v["body"]), "")
	for _, m := range []string{
		fmt.Sprintf(`mutation { it: registerPipeline(input: {workspace: "default", name: "train", description: %q}) { userErrors { message } revision } }`, v["description"]),
		fmt.Sprintf(`mutation { it: describeWorkspace(input: {workspace: "default", description: %q}) { userErrors { message } revision } }`, v["about"]),
		fmt.Sprintf(`mutation { it: defineRole(input: {workspace: "default", name: "runner", permissions: ["workspace:read"], description: %q}) { userErrors { message } revision } }`, v["role"]),
	} {
		if said := ask(m); !strings.Contains(said, `"userErrors":[]`) {
			t.Fatal(said)
		}
	}
	var invitation struct {
		Invitation struct{ Invitation string }
	}
	decode(t, must("invite", "--role", "viewer", "--name", v["invited"], "-w", "default", "-o", "json"), &invitation)
	b := newBrowser(t, s.URL)
	if status, page := b.post("/login/link", "token", s.newLink(t, "--new"), "login", v["login"], "name", v["name"], "password", "correct horse battery"); status != 200 {
		t.Fatalf("sign up: %d %s", status, page)
	}
	must("workspace", "show", "default")
	early := filepath.Join(t.TempDir(), "early")
	must("export", "default", "-o", early)

	sealed := map[string]bool{"invited": true} // of these nothing but the ciphertext was ever written
	before := searched(t, c, bin, s, []string{early}, v)
	for what := range v {
		if len(before[what]) == 0 && !sealed[what] {
			t.Errorf("the search finds no %s before: it would find none whatever was done", what)
		}
	}
	kept := evidenceOf(t, c)
	for _, subject := range []string{"pipeline:train", "run:0190a2a0-0000-7000-8000-000000000001", "pipeline:n/etl", fmt.Sprintf("event:%d", at), "workspace", "role:runner", "invitation:" + invitation.Invitation.Invitation, "person:" + v["login"]} {
		args := []string{"erase", subject, "--reason", "asked for", "--confirm", subject, "-w", "default", "-o", "json"}
		var done struct {
			State string
			Files bool
		}
		decode(t, must(args...), &done)
		if done.State != "erased" && subject != "pipeline:n/etl" || done.State == "erased" && !done.Files {
			t.Errorf("%s: %+v", subject, done)
		}
		if subject == "person:"+v["login"] {
			continue // nobody has that name any more
		}
		decode(t, must(args...), &done)
		if done.State != "already" {
			t.Errorf("%s again: %+v", subject, done)
		}
	}
	late := filepath.Join(t.TempDir(), "late")
	must("export", "default", "-o", late)
	gone := map[string]string{} // what lay there as it was stored, compressed or not, and the salts
	for digest, e := range kept {
		if _, there := evidenceOf(t, c)[digest]; !there {
			gone["the salt of "+digest] = e.salt
			gone["the bytes of "+digest] = e.bytes
		}
	}
	if len(gone) != 10 {
		t.Errorf("only %d pieces of evidence went", len(gone)/2)
	}
	for what, value := range gone {
		v[what] = value
	}
	if after := searched(t, c, bin, s, []string{late}, v); len(after) > 0 {
		t.Errorf("still there: %v", after)
	}
	// What is gone reads as erased, and is no error.
	const shownQuery = `{ workspace(slug: "default") { description pipeline(id: "train") { description } etl: pipeline(id: "n/etl") { name } runs(first: 5) { nodes { failure { type message stack } } } roles { name description } invitations { nodes { invited erased } } } }`
	said := ask(shownQuery)
	if strings.Contains(said, `"errors"`) || strings.Count(said, `"erased"`) < 5 {
		t.Errorf("readers are shown %s", said)
	}
	for what, value := range v {
		if strings.Contains(said, value) {
			t.Errorf("readers are shown the %s: %s", what, said)
		}
	}
	// The read models are those that the events make, and the history checks as it was signed.
	must("projection", "verify", "default")
	must("projection", "rebuild")
	must("projection", "verify", "default")
	if again := ask(shownQuery); again != said {
		t.Errorf("rebuilt, readers are shown %s\nand were %s", again, said)
	}
	if after := searched(t, c, bin, s, nil, v); len(after) > 0 {
		t.Errorf("with the read models rebuilt, there again: %v", after)
	}
	if replayed := must("replay", "default", "--speed", "max"); !strings.Contains(replayed, "subject.erased") {
		t.Errorf("the replay does not say that something was erased: %s", replayed)
	}
	var key struct{ Key string }
	out := must("audit", "key", "-o", "json")
	if json.Unmarshal([]byte(out), &key) != nil || key.Key == "" {
		t.Fatalf("audit key: %s", out)
	}
	must("audit", "verify", early, "--key", key.Key)
	must("audit", "verify", late, "--key", key.Key)
}
