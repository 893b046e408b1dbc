package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	neturl "net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/internal/pgtest"
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
	shown, errs, exit := to.annals("", "workspace", "show", "brought")
	if want := fmt.Sprintf("up to revision %d, from default of %s", got.UpTo, strings.Split(key, "+")[0]); exit != 0 || !strings.Contains(shown, want) {
		t.Errorf("it does not say that it is %s: %d %s %s", want, exit, shown, errs)
	}
	for slug, want := range map[string]string{"brought": fmt.Sprintf(`"upTo":%d`, got.UpTo), "default": `"imported":null`} {
		if out, errs, exit := to.annals("", "workspace", "show", slug, "-o", "ndjson"); exit != 0 || !strings.Contains(out, want) {
			t.Errorf("%s: %d %s %s", slug, exit, out, errs)
		}
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

// Whatever is damaged of a tar that a server is sent, by a client that looks at nothing, the server refuses it whole: nothing
// of it is in the log, in the database beside it, or in the data directory, and the name is as free as before.
func TestADamagedTarIsRefusedWhole(t *testing.T) {
	t.Parallel()
	from := loaded(t)
	dir := exportOf(t, from, "default")
	key, errs, exit := from.annals("", "audit", "key")
	if exit != 0 {
		t.Fatal(errs)
	}
	url := pgtest.URL(t)
	to := startServerIn(t, pgtest.Dir(t), url, func(stop func()) { t.Cleanup(stop) })
	b, err := bundle.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string // in the order in which they are sent
	files := map[string][]byte{}
	for _, f := range b.Manifest.Files {
		names = append(names, f.Name)
	}
	for _, name := range append(names, bundle.ManifestFile) {
		if files[name], err = os.ReadFile(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	names = append(names, bundle.ManifestFile)
	send := func(key string, name string, content []byte) string {
		var body bytes.Buffer
		sent := bundle.NewTar(&body, time.Now())
		for _, n := range names {
			own := files[n]
			if n == name {
				own = content
			}
			if own != nil {
				if err := sent.Put(n, own); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := sent.Close(); err != nil {
			t.Fatal(err)
		}
		_, answer, _ := to.call(t, http.MethodPut, "/v1/organizations/personal/histories/brought"+key, to.Key, body.String(), "Content-Type", "application/x-tar")
		return answer
	}
	rng := rand.New(rand.NewPCG(7, 7))
	for n := range 60 {
		name := names[n%len(names)]
		was := files[name]
		bad, how := bytes.Clone(was), "flipped"
		switch at := rng.IntN(len(bad)); n / len(names) % 4 {
		case 0, 1:
			bad[at] ^= 1 << rng.IntN(8)
		case 2:
			bad, how = append([]byte{}, bad[:at]...), "cut"
		default:
			bad, how = nil, "left out"
		}
		signed := "?key=" + neturl.QueryEscape(strings.TrimSpace(strings.Split(key, "\n")[0]))
		if n%2 == 0 {
			signed = ""
		}
		if answer := send(signed, name, bad); !strings.Contains(answer, `"damaged"`) && !strings.Contains(answer, `"forged"`) {
			t.Errorf("%s %s: %s", name, how, answer)
		}
	}
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if s, err := importStateOf(t.Context(), conn, "brought"); err != nil || s.marked || s.bodies != 0 || s.last >= 0 {
		t.Errorf("something is left: %+v, %v", s, err)
	}
	if inRoom(to.Dir) {
		t.Error("something is left in the data directory")
	}
	if answer := send("", "", nil); !strings.Contains(answer, `"result"`) {
		t.Errorf("what is whole: %s", answer)
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
