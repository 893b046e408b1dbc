package erasure_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/erasure"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/evidence"
)

var (
	train = domain.Name{Name: "train"}
	run1  = domain.RunRef{ID: "r1"}
	run   = erasure.Target{Stream: lab, Entity: domain.RunEntity(run1), Word: "run:r1"}
)

// A story is a workspace in which every kind of text was said.
type story struct {
	*house
	body eventstore.Evidence // of the event at
	at   domain.Revision
	says map[string]string // canaries by where they were said
}

// told is a house with a story.
func told(t *testing.T) *story {
	h := built(t)
	s := &story{house: h, says: map[string]string{}}
	for _, what := range []string{"workspace", "pipeline", "message", "step", "facet", "other"} {
		s.says[what] = canary(what)
	}
	about, aboutE := text(s.says["workspace"])
	h.say(lab, nil, []eventstore.Evidence{aboutE}, domain.WorkspaceCreated{Slug: "lab", Name: "Lab", Organization: "acme", Owner: uuid.UUID{15: 1}, Description: about})
	desc, descE := text(s.says["pipeline"])
	h.say(lab, nil, []eventstore.Evidence{descE}, domain.PipelineRegistered{Pipeline: train, Description: desc})
	s.body = evidence.New([]byte(`{"job":{"sql":"select 1 -- ` + s.says["pipeline"] + `"},"error":"` + s.says["message"] + `","x":"` + s.says["facet"] + `"}`))
	s.at = h.say(lab, &s.body, nil, domain.RunReported{
		Phase: domain.Failed, Run: run1, Pipeline: &train, Failure: &domain.Failure{Type: "E", Message: &domain.Text{Evidence: s.body.Digest, Pointer: "/error"}},
		Job: &domain.JobInfo{SQL: &domain.Text{Evidence: s.body.Digest, Pointer: "/job/sql"}},
	})
	step, stepE := text(s.says["step"])
	h.say(lab, nil, []eventstore.Evidence{stepE}, domain.StepReported{Phase: domain.Failed, Execution: domain.Execution{Run: run1, Step: "fit"}, Failure: &domain.Failure{Message: step}})
	other, otherE := text(s.says["other"])
	h.say(lab, nil, []eventstore.Evidence{otherE}, domain.ArtifactDescribed{Artifact: domain.Name{Name: "model"}, Description: other})
	return s
}

// Given texts of every kind, when those of a run are erased, then no file, table or sample has a byte of them, the log is
// what it was, and what else was said stays.
func TestTheTextsOfARunAreErased(t *testing.T) {
	t.Parallel()
	s := told(t)
	gone := []string{s.says["message"], s.says["step"], s.says["facet"]}
	pgExec(t, s.house, "ANALYZE")
	if in := s.inFiles(gone...); len(in) < len(gone) {
		t.Fatalf("the search finds %v before: it would find nothing after, whatever was done", in)
	}
	before := s.raw()

	counted, err := s.Erase(t.Context(), run, erasure.Ask{By: owner, DryRun: true})
	s.must(err)
	if counted.State != "counted" || counted.Bodies != 2 || counted.Texts != 2 || counted.Others["pipeline"] != 1 || counted.Erasure != nil {
		t.Errorf("counted %s", shown(counted))
	}
	if in := s.inFiles(gone...); len(in) < len(gone) {
		t.Errorf("counting left only %v", in)
	}
	done, err := s.Erase(t.Context(), run, because("asked for"))
	s.must(err)
	if done.State != "erased" || !done.Files || done.Revision == nil || done.Bodies != 2 {
		t.Errorf("erased %s", shown(done))
	}
	if in := append(s.inFiles(gone...), s.inTables(gone...)...); len(in) > 0 {
		t.Errorf("still there: %v", in)
	}
	if in := s.inTables(s.says["other"], s.says["workspace"]); len(in) < 2 {
		t.Errorf("of what was to stay there is only %v", in)
	}
	if after := s.raw(); !bytes.HasPrefix(after, before) {
		t.Error("the log was changed")
	}
	if all := s.erasedIn(lab); len(all) != 1 || all[0].Subject() != run.Entity || len(all[0].Evidence) != 2 {
		t.Errorf("the log says %s", shown(all))
	}
	again, err := s.Erase(t.Context(), run, because("again"))
	s.must(err)
	if again.State != "already" || again.Revision == nil || *again.Revision != *done.Revision || len(s.erasedIn(lab)) != 1 {
		t.Errorf("again: %s", shown(again))
	}
}

// One raw body goes by the revision of an event that came with it, and with it the texts that lie in it.
func TestARawBodyIsErased(t *testing.T) {
	t.Parallel()
	s := told(t)
	body := erasure.Target{Stream: lab, Event: &s.at, Word: "event"}
	done, err := s.Erase(t.Context(), body, because("a name in it"))
	s.must(err)
	if done.State != "erased" || done.Bodies != 1 || done.Others["run"] != 1 || done.Others["pipeline"] != 1 {
		t.Errorf("erased %s", shown(done))
	}
	if in := s.inFiles(s.says["message"], s.says["facet"]); len(in) > 0 {
		t.Errorf("still there: %v", in)
	}
	if in := s.inTables(s.says["pipeline"]); len(in) == 0 {
		t.Error("the description of the pipeline went along: it lay elsewhere")
	}
	if again, err := s.Erase(t.Context(), body, because("again")); err != nil || again.State != "already" || *again.Revision != *done.Revision {
		t.Errorf("again: %s, %v", shown(again), err)
	}
	found, err := s.store.Evidence(t.Context(), lab, []domain.Digest{s.body.Digest})
	if err != nil || len(found) != 0 {
		t.Errorf("the body reads as %v, %v", found, err)
	}
}

// What is not there is said so, and nothing is done.
func TestUnknownSubjects(t *testing.T) {
	t.Parallel()
	s := told(t)
	before, none, first := s.raw(), domain.Revision(99), domain.Revision(0)
	for name, target := range map[string]erasure.Target{
		"another pipeline":     {Stream: lab, Entity: domain.PipelineEntity(domain.Name{Name: "nothing"}), Word: "pipeline:nothing"},
		"an event to come":     {Stream: lab, Event: &none},
		"an event without one": {Stream: lab, Event: &first},
		"a role":               {Stream: lab, Entity: domain.RosterEntity(), Role: "nobody", Word: "role:nobody"},
		"an invitation":        {Stream: lab, Entity: domain.InvitationEntity(uuid.UUID{1}), Word: "invitation:x"},
		"what nothing was of":  {Stream: lab, Entity: domain.RunEntity(domain.RunRef{ID: "r2"}), Word: "run:r2"},
	} {
		if out, err := s.Erase(t.Context(), target, because("x")); !errors.Is(err, domain.NotFound) {
			t.Errorf("%s: %s, %v", name, shown(out), err)
		}
	}
	if _, err := s.ErasePerson(t.Context(), uuid.UUID{7}, because("x")); !errors.Is(err, domain.NotFound) {
		t.Errorf("a person: %v", err)
	}
	if !bytes.Equal(before, s.raw()) {
		t.Error("the log was changed")
	}
}

// A process that is killed behind any step leaves what the next one carries to its end; done again, nothing is done twice.
func TestKilledBetweenSteps(t *testing.T) {
	t.Parallel()
	killed := errors.New("killed")
	s := told(t)
	gone := []string{s.says["message"], s.says["step"], s.says["facet"]}
	for _, step := range erasure.Steps {
		d := s.Copy()
		d.BreakAfter(step, killed)
		out, err := d.Erase(t.Context(), run, because("asked for"))
		if err != nil && !errors.Is(err, killed) {
			t.Fatalf("behind %s: %s, %v", step, shown(out), err)
		}
		if err := s.Resume(t.Context(), 0); err != nil {
			t.Fatalf("behind %s: carry on: %v", step, err)
		}
		if in := append(s.inFiles(gone...), s.inTables(gone...)...); len(in) > 0 {
			t.Errorf("behind %s: still there: %v", step, in)
		}
		if all := s.erasedIn(lab); len(all) != slices.Index(erasure.Steps, step)+1 {
			t.Errorf("behind %s the log says %d times that something was erased", step, len(all))
		}
		if again, err := s.Erase(t.Context(), run, because("again")); err != nil || again.State != "already" {
			t.Errorf("behind %s: %s, %v", step, shown(again), err)
		}
		said := evidence.New([]byte(strings.Join(gone, " "))) // and it is said again
		s.say(lab, &said, nil, domain.RunReported{Phase: domain.Annotated, Run: run1})
	}
}

// More evidence than is rewritten unasked is said so, and rewritten when that is asked for, at once or later.
func TestALargeFileIsRewrittenWhenAsked(t *testing.T) {
	t.Parallel()
	s := told(t)
	s.MostFull = 1
	value := s.says["other"] // the last of its page: where the others are moved together, nothing comes to lie on it
	last := erasure.Target{Stream: lab, Entity: domain.ArtifactEntity(domain.Name{Name: "model"}), Word: "artifact:model"}
	done, err := s.Erase(t.Context(), last, because("asked for"))
	s.must(err)
	if done.State != "erased" || done.Files || done.Left != "large" || len(s.inTables(value)) > 0 {
		t.Errorf("without full: %s, in tables %v", shown(done), s.inTables(value))
	}
	if in := s.inFiles(value); len(in) == 0 {
		t.Error("the pages hold nothing of it: rewriting them would prove nothing")
	}
	full := because("and its pages")
	full.Full, full.DryRun = true, true
	if counted, err := s.Erase(t.Context(), last, full); err != nil || counted.State != "already" || counted.Files || len(s.inFiles(value)) == 0 {
		t.Errorf("counted with full: %s, %v", shown(counted), err)
	}
	full.DryRun = false
	again, err := s.Erase(t.Context(), last, full)
	s.must(err)
	if again.State != "already" || !again.Files || len(s.erasedIn(lab)) != 1 {
		t.Errorf("again, with full: %s", shown(again))
	}
	if in := s.inFiles(value); len(in) > 0 {
		t.Errorf("still there: %v", in)
	}
	about := erasure.Target{Stream: lab, Entity: domain.WorkspaceEntity(), Word: "workspace"}
	if done, err := s.Erase(t.Context(), about, erasure.Ask{By: owner, Reason: "x", Full: true}); err != nil || !done.Files || len(s.inFiles(s.says["workspace"])) > 0 {
		t.Errorf("at once with full: %s, %v", shown(done), err)
	}
}

// Given a transaction that began before an erasure, and either looks or has only written and waits, then the files are not
// said to be rewritten: they are when it is over.
func TestFilesWaitForWhatBeganBefore(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string][]string{
		"one that looks": {"BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT 1"},
		"one that wrote": {"BEGIN", "SELECT pg_current_xact_id()"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := told(t)
			older, err := s.DB.Acquire(t.Context())
			s.must(err)
			defer older.Release()
			for _, sql := range begin {
				_, err := older.Exec(t.Context(), sql)
				s.must(err)
			}
			done, err := s.Erase(t.Context(), run, because("asked for"))
			s.must(err)
			if done.State != "erased" || done.Files || done.Left != "watched" {
				t.Errorf("meanwhile: %s", shown(done))
			}
			_, err = older.Exec(t.Context(), "ROLLBACK")
			s.must(err)
			s.must(s.Resume(t.Context(), 0))
			if in := s.inFiles(s.says["message"], s.says["step"], s.says["facet"]); len(in) > 0 {
				t.Errorf("afterwards, still there: %v", in)
			}
		})
	}
}

// A build that leaves out a step is found by these tests.
func TestABrokenBuildIsFound(t *testing.T) {
	t.Parallel()
	s := told(t)
	for _, skipped := range []string{"files", "rows", "events"} {
		said := evidence.New([]byte(canary(skipped)))
		s.say(lab, &said, nil, domain.RunReported{Phase: domain.Annotated, Run: run1})
		before := len(s.erasedIn(lab))
		d := s.Copy()
		d.Skip(skipped)
		if _, err := d.Erase(t.Context(), run, because("asked for")); err != nil {
			t.Fatal(err)
		}
		files, tables, events := s.inFiles(canary(skipped)), s.inTables(canary(skipped)), len(s.erasedIn(lab))-before
		if found := map[string]bool{"files": len(files) > 0, "rows": len(tables) > 0, "events": events == 0}; !found[skipped] {
			t.Errorf("without %s: files %v, tables %v, %d events: nobody would notice", skipped, files, tables, events)
		}
	}
}
