package domain

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var release = flag.String("release", "", "pin the golden events that there are as those of this release, once")

// released are the releases whose events are pinned, each with the digest of its list of digests: nobody edits or removes a
// golden event of one without touching this line as well. Until releases have numbers, they have dates.
var released = map[string]string{
	"2026-11-21": "eb5ae28391ff13c40980a87e390af0be785f3625d7c81b4c74cd71a2de7eeac7",
}

const sums = "SHA256SUMS"

// goldenName takes the name of a golden event apart: its type, its version, and which one of several of that version.
var goldenName = regexp.MustCompile(`^([a-z_]+\.[a-z_]+)\.v([0-9]+)(\.[0-9]+)?\.json$`)

// What any release ever wrote is read for ever: its golden events are there, byte for byte, decode into what this build
// knows, and are the same when written and read again.
func TestEventsOfEveryRelease(t *testing.T) {
	t.Parallel()
	if *release != "" {
		pin(t, *release)
	}
	dirs, err := filepath.Glob(filepath.Join(goldens, "releases", "*"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, dir := range dirs {
		found[filepath.Base(dir)] = true
		if released[filepath.Base(dir)] == "" {
			t.Errorf("%s: the release is not in the list of this test", dir)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(released)) {
		if !found[name] {
			t.Errorf("the golden events of release %s are gone", name)
			continue
		}
		t.Run(name, func(t *testing.T) { checkRelease(t, filepath.Join(goldens, "releases", name), released[name]) })
	}
}

func checkRelease(t *testing.T, dir, pinned string) {
	list, err := os.ReadFile(filepath.Join(dir, sums))
	if err != nil {
		t.Fatal(err)
	}
	if got := digestOf(list); got != pinned {
		t.Errorf("the list of digests was altered: its own is %s", got)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, file := range files {
		there[filepath.Base(file)] = true
	}
	for lines := bufio.NewScanner(bytes.NewReader(list)); lines.Scan(); {
		digest, name, _ := strings.Cut(lines.Text(), "  ")
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Errorf("a golden event was removed: %v", err)
			continue
		}
		delete(there, name)
		if digestOf(data) != digest {
			t.Errorf("%s was edited", name)
		}
		decodes(t, name, bytes.TrimSuffix(data, []byte("\n")))
	}
	if len(there) > 0 {
		t.Errorf("golden events that the release had not: %v", slices.Sorted(maps.Keys(there)))
	}
}

func decodes(t *testing.T, name string, data []byte) {
	parts := goldenName.FindStringSubmatch(name)
	if parts == nil {
		t.Errorf("%s is no name of a golden event", name)
		return
	}
	version, _ := strconv.Atoi(parts[2]) // digits
	e, err := Decode(parts[1], version, data)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	newest, err := Encode(e)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	again, err := Decode(e.EventType(), CurrentVersion(e.EventType()), newest)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if twice, err := Encode(again); err != nil || !bytes.Equal(newest, twice) {
		t.Errorf("%s is read as %s, and then as %s, %v", name, newest, twice, err)
	}
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// pin copies the golden events that there are. A release that is pinned already stays as it is.
func pin(t *testing.T, name string) {
	dir := filepath.Join(goldens, "releases", name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatalf("a release is pinned once: %v", err)
	}
	files, err := filepath.Glob(filepath.Join(goldens, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list strings.Builder
	for _, file := range files { // sorted
		parts := strings.Split(strings.TrimSuffix(filepath.Base(file), ".json"), ".")
		typ := strings.Join(parts[:2], ".")
		to := typ + ".v" + strconv.Itoa(CurrentVersion(typ))
		if len(parts) > 2 {
			to += "." + parts[2]
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, to+".json"), data, 0o644); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&list, "%s  %s.json\n", digestOf(data), to)
	}
	if err := os.WriteFile(filepath.Join(dir, sums), []byte(list.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Logf("put into released: %q: %q", name, digestOf([]byte(list.String())))
}
