package embedded_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/annals-io/annals/internal/embedded"
)

func TestALongLogIsMovedAsideUnderItsWriter(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "postgres.log")
	log, err := embedded.OpenLog(path)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	write := func(text string) {
		t.Helper()
		if _, err := log.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	trim := func() {
		t.Helper()
		if err := embedded.TrimLog(path, 100); err != nil {
			t.Fatal(err)
		}
	}
	holds := func(name, want string) {
		t.Helper()
		if text, err := os.ReadFile(name); err != nil || string(text) != want {
			t.Errorf("%s holds %q, %v", name, text, err)
		}
	}
	long := strings.Repeat("x", 101)

	write("short")
	trim()
	holds(path, "short")
	write(long)
	trim()
	write("after") // by the file that was open all the time
	holds(path, "after")
	holds(path+".1", "short"+long)
}
