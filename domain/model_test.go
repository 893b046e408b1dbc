package domain

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// commands draws commands about a handful of things, so that they meet.
func commands() *rapid.Generator[Command] {
	return rapid.Custom(func(t *rapid.T) Command {
		run := RunRef{ID: rapid.SampledFrom([]string{"r1", "r2"}).Draw(t, "run")}
		pipeline := Name{Name: rapid.SampledFrom([]string{"p1", "p2"}).Draw(t, "pipeline")}
		phase := rapid.SampledFrom(phases).Draw(t, "phase")
		step := Execution{Run: run, Step: "s"}
		switch rapid.IntRange(0, 11).Draw(t, "command") {
		case 0:
			return CreateWorkspace(created)
		case 1:
			return RenameWorkspace{rapid.SampledFrom([]string{"A", "B"}).Draw(t, "name")}
		case 2:
			return LabelWorkspace{Set: map[string]string{"k": rapid.SampledFrom([]string{"a", "b"}).Draw(t, "label")}}
		case 3:
			return MoveStep{StepReported{Phase: phase, Execution: step}}
		case 4:
			return Delete{Event: RunDeleted{run}}
		case 5:
			return NestRun{RunNested{Run: run, Parent: RunRef{ID: "parent"}}}
		case 6:
			return RegisterPipeline{Pipeline: pipeline}
		case 7:
			return RegisterPipelineVersion{Pipeline: pipeline, Spec: Spec{Steps: []StepSpec{{Name: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "step")}}}}
		case 8:
			return AliasArtifact{ArtifactAliased{Artifact: pipeline, Alias: Alias{Name: Name{Name: "other"}}}, true}
		}
		if phase == Retrying {
			phase = Started
		}
		return MoveRun{RunReported{Phase: phase, Run: run, Pipeline: &pipeline}}
	})
}

// What Decide gave, Apply takes; what is true is not said twice; the stored log replays to the same states.
func TestDecideAndApplyAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		live, replayed := States{}, States{}
		revision := NoRevision
		for _, cmd := range rapid.SliceOfN(commands(), 1, 30).Draw(t, "commands") {
			events, refused := cmd.Decide(live)
			for _, e := range events {
				revision++
				data, err := Encode(e)
				if err != nil {
					t.Fatal(err)
				}
				stored, err := Decode(e.EventType(), 1, data)
				if err != nil {
					t.Fatal(err)
				}
				envelope := Envelope{Type: e.EventType(), Revision: revision, OccurredAt: noon.Add(time.Duration(revision) * time.Second)}
				apply(t, live, &Recorded{Envelope: envelope, Event: e})
				apply(t, replayed, &Recorded{Envelope: envelope, Event: stored})
			}
			if refused != nil || len(events) == 0 {
				continue
			}
			if _, isAnnotation := statusOf[phaseOf(events[0])]; !isAnnotation && phaseOf(events[0]) != "" {
				continue // saying something more of a run is never "already true"
			}
			if again, err := cmd.Decide(live); err == nil && len(again) > 0 {
				t.Fatalf("repeated %#v gave %v", cmd, again)
			}
		}
		if !reflect.DeepEqual(plain(t, live), plain(t, replayed)) {
			t.Fatalf("live\n%s\nreplayed\n%s", plain(t, live), plain(t, replayed))
		}
	})
}

func phaseOf(e Event) Phase {
	switch e := e.(type) {
	case RunReported:
		return e.Phase
	case StepReported:
		return e.Phase
	}
	return ""
}

func apply(t *rapid.T, s States, r *Recorded) {
	st := s[r.Event.Subject()]
	if st == nil {
		st = &State{Changed: NoRevision}
	}
	st = st.Clone()
	if err := st.Apply(r); err != nil {
		t.Fatal(err)
	}
	s[r.Event.Subject()] = st
}

// plain is the states as they are stored: what a projection keeps must come back as it was.
func plain(t *rapid.T, s States) map[Entity]string {
	out := map[Entity]string{}
	for e, st := range s {
		data, err := json.Marshal(st)
		if err != nil {
			t.Fatal(err)
		}
		var back State
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatal(err)
		}
		if again, _ := json.Marshal(&back); string(again) != string(data) {
			t.Fatalf("a state does not survive being stored: %s then %s", data, again)
		}
		out[e] = string(data)
	}
	return out
}
