package main

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestAHistoryIsBroughtToAnotherInstance(t *testing.T) {
	t.Parallel()
	from, to := loaded(t), startServer(t)
	dir := exportOf(t, from, "default")
	key, errs, exit := from.annals("", "audit", "key")
	if exit != 0 {
		t.Fatal(errs)
	}
	key = strings.TrimSpace(strings.Split(key, "\n")[0])
	out, errs, exit := to.annals("", "import", "history", dir, "--as", "brought", "--key", key, "-o", "json")
	if exit != 0 {
		t.Fatalf("%d %s %s", exit, out, errs)
	}
	var got struct {
		Workspace      string
		UpTo, Revision int64
		Events         int64
		Already        bool
	}
	decode(t, out, &got)
	was, is := replayed(t, from, "default"), replayed(t, to, "brought")
	if got.UpTo != int64(len(was))-1 || got.Already || len(is) <= len(was) {
		t.Fatalf("%+v: %d events of %d", got, len(is), len(was))
	}
	for i := range was {
		a, b := was[i], is[i]
		if a.ID != b.ID || a.Revision != b.Revision || !a.RecordedAt.Equal(b.RecordedAt) || !a.OccurredAt.Equal(b.OccurredAt) || a.Type != b.Type || !bytes.Equal(a.Data, b.Data) || a.Actor != b.Actor {
			t.Fatalf("revision %d came as %+v, and was %+v", i, b, a)
		}
	}
	if is[len(was)].Type != "history.imported" {
		t.Errorf("behind it comes %s", is[len(was)].Type)
	}
	for _, command := range [][]string{
		{"run", "list"}, {"lineage", "model@m1", "--up"}, {"artifact", "list"}, {"pipeline", "list"},
	} {
		args := slices.Concat(command, []string{"-o", "json", "--as-of", "80"})
		there, errs, exit := from.annals("", append(args, "-w", "default")...)
		if exit != 0 {
			t.Fatalf("%v: %s", command, errs)
		}
		here, errs, exit := to.annals("", append(args, "-w", "brought")...)
		if exit != 0 {
			t.Fatalf("%v: %s", command, errs)
		}
		if a, b := comparable(there), comparable(here); a != b {
			t.Errorf("%v as of an old moment\nthere: %.600s\nhere:  %.600s", command, a, b)
		}
	}
	out, errs, exit = to.annals("", "member", "list", "-w", "brought", "-o", "json")
	if exit != 0 || strings.Count(out, `"roles"`) > 1 {
		t.Errorf("members: %d %s %s", exit, out, errs)
	}
	if out, errs, exit := to.annals("", "workspace", "create", "taken"); exit != 0 {
		t.Fatal(out, errs)
	}
	out, errs, exit = to.annals("", "import", "history", dir, "--as", "brought", "--key", key, "-o", "json")
	decode(t, out, &got)
	if exit != 0 || !got.Already || got.Events != 0 || !strings.Contains(errs, "already") {
		t.Errorf("again: %d %s %s", exit, out, errs)
	}
	if out, errs, exit := to.annals("", "import", "history", dir, "--as", "taken"); exit != exitConflict {
		t.Errorf("under a name that is taken: %d %s %s", exit, out, errs)
	}
	again := exportOf(t, to, "brought", "--json")
	if out, errs, exit := from.annals("", "import", "history", again, "--as", "back"); exit != 0 {
		t.Errorf("and back: %d %s %s", exit, out, errs)
	}
}

// publicID is an id as answers have it: it holds the name of the workspace, and so differs.
var publicID = regexp.MustCompile(`"[a-z]+_[A-Za-z0-9_-]+"|"(endCursor|nextCursor)": *"[^"]*"`)

// comparable takes away of an answer what is said of the place and not of what lies there.
func comparable(out string) string {
	return strings.NewReplacer("brought", "default").Replace(publicID.ReplaceAllString(out, `""`))
}

// Whatever is wrong with an export, nothing of it is written: on the command line, and where the server is asked itself.
func TestABadExportIsRefusedWhole(t *testing.T) {
	t.Parallel()
	from, to := loaded(t), startServer(t)
	dir := exportOf(t, from, "default")
	other, _, exit := to.annals("", "audit", "key")
	if exit != 0 {
		t.Fatal(other)
	}
	for name, tt := range map[string]struct {
		harm func(dir string) error
		args []string
		exit int
	}{
		"a flipped bit": {func(dir string) error {
			return rewritten(dir, "events-00000.ndjson", func(b []byte) { b[len(b)/2] ^= 2 })
		}, nil, exitUnverified},
		"a cut file": {func(dir string) error {
			return os.Truncate(filepath.Join(dir, "events-00000.ndjson"), 1000)
		}, nil, exitUnverified},
		"a missing file":         {func(dir string) error { return os.Remove(filepath.Join(dir, "checkpoints")) }, nil, exitUnverified},
		"no manifest":            {func(dir string) error { return os.Remove(filepath.Join(dir, "manifest.json")) }, nil, exitNotFound},
		"another instance's key": {func(string) error { return nil }, []string{"--key", strings.TrimSpace(strings.Split(other, "\n")[0])}, exitUnverified},
		"a key that is none":     {func(string) error { return nil }, []string{"--key", "x"}, exitUsage},
		"a slug that is none":    {func(string) error { return nil }, []string{"--as", "No Slug"}, exitUsage},
		"no such organization":   {func(string) error { return nil }, []string{"--organization", "nowhere"}, exitNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			copied := filepath.Join(t.TempDir(), "export")
			if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			if err := tt.harm(copied); err != nil {
				t.Fatal(err)
			}
			out, errs, exit := to.annals("", slices.Concat([]string{"import", "history", copied, "--as", "bad"}, tt.args)...)
			if exit != tt.exit {
				t.Errorf("%d %s %s", exit, out, errs)
			}
			if _, _, exit := to.annals("", "workspace", "show", "bad"); exit != exitNotFound {
				t.Errorf("something was written: %d", exit)
			}
		})
	}
	key := to.newKey(t, "", "admin")
	for name, body := range map[string][]byte{"nothing": nil, "no tar": []byte("hello"), "a cut tar": make([]byte, 700)} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, to.URL+"/v1/organizations/personal/histories/bad", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+key)
		resp, err := defaultClient().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s is answered %d", name, resp.StatusCode)
		}
	}
	if left, err := os.ReadDir(filepath.Join(to.Dir, "imports")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func rewritten(dir, name string, change func([]byte)) error {
	path := filepath.Join(dir, name)
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	change(b)
	return os.WriteFile(path, b, 0o644)
}
