package domain

import (
	"testing"
	"time"
)

func TestMeant(t *testing.T) {
	t.Parallel()
	orders := Name{Namespace: "db", Name: "orders"}
	run := func(id string) Execution { return Execution{Run: RunRef{ID: id}} }
	sec := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Second) }
	write := func(id string, o Outcome, done int, name string) Write {
		x := run(id)
		w := Write{By: VersionRef{Artifact: orders, Producer: &x, Attempt: 1}, Execution: x.Entity(), Outcome: o, Name: name, Last: Order{At: sec(done)}}
		if o == Complete {
			w.Completed = sec(done)
		}
		return w
	}
	gone := write("gone", Complete, 8, "")
	gone.DeletedAt = sec(20)
	writes := []Write{write("a", Complete, 1, "v1"), write("b", Complete, 5, "v2"), write("c", Broken, 6, "v3"), write("d", Open, 7, ""), gone}
	for name, tt := range map[string]struct {
		read Read
		want string // producer's run id, or the external name
	}{
		"latest complete before":       {Read{Execution: run("r").Entity(), Start: sec(4)}, "a"},
		"completed at the very start":  {Read{Execution: run("r").Entity(), Start: sec(5)}, "b"},
		"failed ones are not picked":   {Read{Execution: run("r").Entity(), Start: sec(7)}, "b"},
		"deleted later":                {Read{Execution: run("r").Entity(), Start: sec(9)}, "gone"},
		"deleted before":               {Read{Execution: run("r").Entity(), Start: sec(20)}, "b"},
		"nothing before":               {Read{Execution: run("r").Entity(), Start: sec(0)}, "external:"},
		"never its own":                {Read{Execution: run("b").Entity(), Start: sec(6)}, "a"},
		"named, though failed":         {Read{Execution: run("r").Entity(), Start: sec(0), Name: "v3"}, "c"},
		"named, unknown":               {Read{Execution: run("r").Entity(), Start: sec(9), Name: "v9"}, "external:v9"},
		"named as what it wrote: not ": {Read{Execution: run("a").Entity(), Start: sec(9), Name: "v1"}, "external:v1"},
	} {
		m := Meant(orders, writes, tt.read)
		got := "external:" + m.Name
		if m.Producer != nil {
			got = m.Producer.Run.ID
		}
		if got != tt.want {
			t.Errorf("%s: meant %s, want %s", name, got, tt.want)
		}
	}
}

func TestFoldVersionsExternalExistsWhileRead(t *testing.T) {
	t.Parallel()
	a := Name{Name: "model"}
	r := Read{Execution: RunEntity(RunRef{ID: "r"}), Start: noon}
	if v := FoldVersions(a, nil, []Read{r, r}); len(v.External) != 1 {
		t.Errorf("%d external versions, want the one both reads mean", len(v.External))
	}
	x := Execution{Run: RunRef{ID: "w"}}
	w := Write{By: VersionRef{Artifact: a, Producer: &x, Attempt: 1}, Execution: x.Entity(), Outcome: Complete, Completed: noon}
	if v := FoldVersions(a, []Write{w}, []Read{r}); len(v.External) != 0 || v.Meant[0].Producer == nil {
		t.Errorf("the late write should be what the read means: %+v", v)
	}
}
