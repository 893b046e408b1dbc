package relay_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/annals-io/annals/graphql/relay"
	"pgregory.net/rapid"
)

func TestIDsReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		id := relay.ID{
			Kind: rapid.SampledFrom([]relay.Kind{relay.Workspace, relay.Run, relay.ArtifactVersion}).Draw(t, "kind"),
			Slug: rapid.StringMatching(`[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?`).Draw(t, "slug"),
			Key:  rapid.Int64Min(0).Draw(t, "key"),
		}
		if got, err := relay.ParseID(id.String()); err != nil || got != id {
			t.Fatalf("ParseID(%q) = %v, %v; want %v", id, got, err, id)
		}
	})
}

func TestOtherWordsAreNoIDs(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "run", "run_", "run_!!", "foo_ZGVmYXVsdDow", "run_OjA", "run_ZGVmYXVsdDo", "run_ZGVmYXVsdDotMQ", "run_ZGVmYXVsdDowMA", "4f0a7c1e-11"} {
		if id, err := relay.ParseID(s); !errors.Is(err, relay.ErrNotID) {
			t.Errorf("ParseID(%q) = %v, %v; want ErrNotID", s, id, err)
		}
	}
}

func TestCursorsReadBackAndKnowTheirList(t *testing.T) {
	t.Parallel()
	shape, err := relay.Shape("runs", map[string]any{"statuses": []string{"FAILED"}})
	if err != nil {
		t.Fatal(err)
	}
	other, _ := relay.Shape("runs", nil)
	c := relay.Cursor{Version: 1, Place: "eyJrIjo3fQ", Revision: 41, Filter: shape}

	got, err := relay.ParseCursor(c.String(), shape)
	if err != nil || !reflect.DeepEqual(got, c) {
		t.Errorf("ParseCursor = %v, %v; want %v", got, err, c)
	}
	if _, err := relay.ParseCursor(c.String(), other); !errors.Is(err, relay.ErrOtherCursor) {
		t.Errorf("with another filter: %v, want ErrOtherCursor", err)
	}
	here := relay.Cursor{Version: 1, Place: c.Place, Filter: relay.In(shape, "course1")}
	if _, err := relay.ParseCursor(here.String(), here.Filter); err != nil {
		t.Errorf("in its own course of events: %v", err)
	}
	for _, old := range []relay.Cursor{here, c} {
		if _, err := relay.ParseCursor(old.String(), relay.In(shape, "course2")); !errors.Is(err, relay.ErrForked) {
			t.Errorf("in another course of events: %v, want ErrForked", err)
		}
	}
	if _, err := relay.ParseCursor(here.String(), relay.In(other, "course2")); !errors.Is(err, relay.ErrOtherCursor) {
		t.Errorf("of another list in another course of events: %v, want ErrOtherCursor", err)
	}
	for _, s := range []string{"", "x", "e30", c.String() + "AA"} {
		if _, err := relay.ParseCursor(s, shape); !errors.Is(err, relay.ErrNotCursor) {
			t.Errorf("ParseCursor(%q): %v, want ErrNotCursor", s, err)
		}
	}
}

func FuzzParseID(f *testing.F) {
	f.Add(relay.ID{Kind: relay.Run, Slug: "default", Key: 1234}.String())
	f.Add("run_")
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := relay.ParseID(s); err == nil && id.String() != s {
			t.Fatalf("%q reads as %v, which is written %q", s, id, id)
		}
	})
}

func FuzzParseCursor(f *testing.F) {
	f.Add(relay.Cursor{Place: "x", Filter: "x"}.String(), "x")
	f.Add("e30", "")
	f.Fuzz(func(t *testing.T, s, shape string) {
		c, err := relay.ParseCursor(s, shape)
		if err != nil {
			return
		}
		again, err := relay.ParseCursor(c.String(), shape)
		if err != nil || again.String() != c.String() {
			t.Fatalf("not a fixed point: %q then %q (%v)", c, again, err)
		}
	})
}
