package embedded_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/annals-io/annals/internal/embedded"
	"github.com/annals-io/annals/internal/pgtest"
)

// repository serves one archive as Maven would, and counts how often it was fetched.
type repository struct {
	archive []byte
	sum     string
	fetched atomic.Int32
}

func newRepository(t *testing.T, tree string) *repository {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", tree))
	if err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	f, err := w.Create("postgres-here.txz")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(archive.Bytes())
	return &repository{archive: archive.Bytes(), sum: hex.EncodeToString(sum[:])}
}

func (r *repository) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	name := "embedded-postgres-binaries-" + embedded.Platform()
	archive := "/io/zonky/test/postgres/" + name + "/18.9.0/" + name + "-18.9.0.jar"
	switch request.URL.Path {
	case archive + ".sha256":
		_, _ = w.Write([]byte(r.sum))
	case archive:
		r.fetched.Add(1)
		_, _ = w.Write(r.archive)
	default:
		http.NotFound(w, request)
	}
}

// from is a configuration that fetches from the repository, on a machine that has nothing.
func from(t *testing.T, r http.Handler) embedded.Config {
	t.Helper()
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	dir := pgtest.Dir(t)
	c := embedded.Config{DataDir: filepath.Join(dir, "d"), CacheDir: filepath.Join(dir, "c"), Repository: server.URL, Version: "18.9.0"}
	return c.Bare()
}

func TestBinariesAreFetchedOnce(t *testing.T) {
	t.Parallel()
	r := newRepository(t, "binaries.txz")
	c := from(t, r)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			dir, err := embedded.Resolve(t.Context(), c)
			if err != nil {
				t.Error(err)
				return
			}
			library, err := os.ReadFile(filepath.Join(dir, "..", "lib", "libx.so"))
			if err != nil || string(library) != "library\n" {
				t.Errorf("the library is %q, %v", library, err)
			}
		})
	}
	wait.Wait()
	if n := r.fetched.Load(); n != 1 {
		t.Errorf("fetched %d times", n)
	}
	left, err := filepath.Glob(filepath.Join(c.CacheDir, "*.jar"))
	if err != nil || len(left) != 0 {
		t.Errorf("the archive was left: %v %v", left, err)
	}
}

func TestWhatIsFetchedIsChecked(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		tree string
		harm func(*repository)
		says string
	}{
		"altered":         {"binaries.txz", func(r *repository) { r.sum = strings.Repeat("0", 64) }, "checksum"},
		"no checksum":     {"binaries.txz", func(r *repository) { r.sum = "" }, "checksum"},
		"cut short":       {"binaries.txz", func(r *repository) { r.archive = r.archive[:100] }, "checksum"},
		"leads outside":   {"outside.txz", func(*repository) {}, "../outside"},
		"linked outside":  {"linked.txz", func(*repository) {}, "bin/annals-outside"},
		"holds no server": {"binaries.txz", func(r *repository) { *r = empty() }, "no binaries"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRepository(t, test.tree)
			test.harm(r)
			c := from(t, r)
			_, err := embedded.Resolve(t.Context(), c)
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Fatalf("the error is %v, want one that says %q", err, test.says)
			}
			left, err := os.ReadDir(c.CacheDir)
			if err != nil || len(left) != 1 { // the lock
				t.Errorf("the cache holds %v, %v", left, err)
			}
		})
	}
}

// empty is a repository whose archive holds nothing.
func empty() repository {
	var archive bytes.Buffer
	_ = zip.NewWriter(&archive).Close()
	sum := sha256.Sum256(archive.Bytes())
	return repository{archive: archive.Bytes(), sum: hex.EncodeToString(sum[:])}
}

func TestAFetchCanBeCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	c := from(t, http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		cancel()
		<-request.Context().Done()
	}))
	if _, err := embedded.Resolve(ctx, c); !errors.Is(err, context.Canceled) {
		t.Fatalf("the error is %v", err)
	}
}

func TestNothingToFetchAndNothingInstalled(t *testing.T) {
	t.Parallel()
	_, err := embedded.Resolve(t.Context(), from(t, http.NotFoundHandler()))
	if err == nil {
		t.Fatal("found binaries where there are none")
	}
	for _, says := range []string{"PostgreSQL 15 or newer", "404", "apt-get install postgresql", "brew install postgresql@18", "--postgres-bin", "--database-url"} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("the error does not say %q: %v", says, err)
		}
	}
}

func TestWhatIsInstalledIsUsedWhenNothingCanBeFetched(t *testing.T) {
	t.Parallel()
	c := from(t, http.NotFoundHandler())
	for _, version := range []string{"14", "16", "9.6", "17"} {
		pretendInstalled(t, filepath.Join(c.DataDir, "usr", version), version)
	}
	dir, err := embedded.Resolve(t.Context(), c.Bare(filepath.Join(c.DataDir, "usr", "*")))
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Base(dir) != "17" {
		t.Errorf("chose %s", dir)
	}
}

func TestNamedBinariesAreNotReplacedByOthers(t *testing.T) {
	t.Parallel()
	c := from(t, newRepository(t, "binaries.txz"))
	for name, test := range map[string]struct{ version, says string }{
		"too old":  {"14.2", "version 14, and 15 or newer is needed"},
		"unusable": {"", "no initdb"},
	} {
		t.Run(name, func(t *testing.T) {
			named := c
			named.BinDir = filepath.Join(c.DataDir, name)
			if test.version != "" {
				pretendInstalled(t, named.BinDir, test.version)
			}
			if _, err := embedded.Resolve(t.Context(), named); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("the error is %v, want one that says %q", err, test.says)
			}
		})
	}
}

func TestAClusterIsRunByTheVersionThatWroteIt(t *testing.T) {
	t.Parallel()
	c := from(t, newRepository(t, "binaries.txz"))
	if err := os.MkdirAll(filepath.Join(c.DataDir, "postgres"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(c.DataDir, "postgres", "PG_VERSION"), []byte("16\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	usr := filepath.Join(c.DataDir, "usr")
	pretendInstalled(t, filepath.Join(usr, "17"), "17.1")
	if _, err := embedded.Resolve(t.Context(), c.Bare(filepath.Join(usr, "*"))); err == nil || !strings.Contains(err.Error(), "PostgreSQL 16 is needed") {
		t.Errorf("the error is %v", err)
	}
	c.BinDir = filepath.Join(usr, "17")
	if _, err := embedded.Resolve(t.Context(), c); err == nil || !strings.Contains(err.Error(), "written by version 16") {
		t.Errorf("the error is %v", err)
	}
	c.BinDir = ""
	pretendInstalled(t, filepath.Join(usr, "16"), "16.3")
	if dir, err := embedded.Resolve(t.Context(), c.Bare(filepath.Join(usr, "*"))); err != nil || filepath.Base(dir) != "16" {
		t.Errorf("chose %s, %v", dir, err)
	}
}

// pretendInstalled puts programs into dir that say they are of the version.
func pretendInstalled(t *testing.T, dir, version string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, script := range map[string]string{
		"postgres": "#!/bin/sh\necho 'postgres (PostgreSQL) " + version + "'\n",
		"initdb":   "#!/bin/sh\nexit 1\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}
