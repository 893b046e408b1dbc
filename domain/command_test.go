package domain

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

// given folds events into decision states, as the executor does.
func given(t *testing.T, events ...Event) States {
	t.Helper()
	s := States{}
	for i, e := range events {
		st := s[e.Subject()]
		if st == nil {
			st = &State{Changed: NoRevision}
			s[e.Subject()] = st
		}
		r := &Recorded{Envelope: Envelope{Type: e.EventType(), Version: 1, Revision: Revision(i), OccurredAt: noon.Add(time.Duration(i) * time.Second)}, Event: e}
		if err := st.Apply(r); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

var (
	created  = WorkspaceCreated{Slug: "mlab", Name: "ML", Organization: "personal"}
	train    = Name{Name: "train"}
	run1     = RunRef{ID: "r1"}
	started  = RunReported{Phase: Started, Run: run1, Pipeline: &train}
	finished = RunReported{Phase: Succeeded, Run: run1}
	failed   = RunReported{Phase: Failed, Run: run1}
	queued   = RunReported{Phase: Queued, Run: run1, Pipeline: &train}
	second   = RunReported{Phase: Started, Run: run1, Pipeline: &train, Attempt: 2}
	nested   = RunNested{Run: run1, Parent: RunRef{ID: "outer"}}
)

func step(p Phase) StepReported {
	return StepReported{Phase: p, Execution: Execution{Run: run1, Step: "s"}}
}

func TestStepsOfAVersionMakeNoCycle(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		edges  []Edge
		cyclic bool
	}{
		"a line":              {[]Edge{{"a", "b"}, {"b", "c"}}, false},
		"a diamond":           {[]Edge{{"a", "b"}, {"a", "c"}, {"b", "d"}, {"c", "d"}}, false},
		"an edge twice":       {[]Edge{{"a", "b"}, {"a", "b"}}, false},
		"itself":              {[]Edge{{"a", "a"}}, true},
		"two":                 {[]Edge{{"a", "b"}, {"b", "a"}}, true},
		"behind a beginning":  {[]Edge{{"a", "b"}, {"b", "c"}, {"c", "b"}, {"c", "d"}}, true},
		"before what follows": {[]Edge{{"b", "c"}, {"c", "b"}, {"c", "d"}, {"a", "d"}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := PipelineVersionRegistered{Pipeline: train, Spec: Spec{Steps: []StepSpec{{Name: "a"}, {Name: "b"}, {Name: "c"}, {Name: "d"}}, Edges: tt.edges}}
			if err := Check(e); errors.Is(err, Invalid) != tt.cyclic {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	many := ArtifactsConsumed{Execution: Execution{Run: run1}, Inputs: make([]IO, MaxItems+1)}
	spec := PipelineVersionRegistered{Pipeline: train, Spec: Spec{Steps: []StepSpec{{Name: "a"}, {Name: "b"}}, Edges: []Edge{{"a", "b"}}}}
	hashed := spec
	hashed.Hash, _ = spec.ContentHash()
	for name, tt := range map[string]struct {
		given []Event
		when  Command
		then  []Event
		code  error
	}{
		"create":                         {nil, CreateWorkspace(created), []Event{created}, nil},
		"create, taken":                  {[]Event{created}, CreateWorkspace(created), nil, AlreadyExists},
		"create, taken by a deleted one": {[]Event{created, WorkspaceDeleted{}}, CreateWorkspace(created), nil, AlreadyExists},
		"create, no slug":                {nil, CreateWorkspace{Slug: "No Slug", Name: "x"}, nil, Invalid},
		"create, reserved":               {nil, CreateWorkspace{Slug: "api", Name: "x"}, nil, Invalid},
		"rename":                         {[]Event{created}, RenameWorkspace{"New"}, []Event{WorkspaceRenamed{"New"}}, nil},
		"rename to the same":             {[]Event{created}, RenameWorkspace{"ML"}, nil, nil},
		"rename to nothing":              {[]Event{created}, RenameWorkspace{" "}, nil, Required},
		"rename, archived":               {[]Event{created, WorkspaceArchived{}}, RenameWorkspace{"New"}, nil, Archived},
		"rename, deleted":                {[]Event{created, WorkspaceDeleted{}}, RenameWorkspace{"New"}, nil, Gone},
		"rename, missing":                {nil, RenameWorkspace{"New"}, nil, NotFound},
		"rename a personal default":      {[]Event{WorkspaceCreated{Slug: "default", Name: "Personal", Organization: "personal"}}, RenameWorkspace{"New"}, nil, Invalid},
		"rename a team's default":        {[]Event{WorkspaceCreated{Slug: "acme-default", Name: "Default", Organization: "acme", Kind: DefaultWorkspace}}, RenameWorkspace{"New"}, []Event{WorkspaceRenamed{"New"}}, nil},
		"call a team's default personal": {[]Event{WorkspaceCreated{Slug: "acme-default", Name: "Default", Organization: "acme", Kind: DefaultWorkspace}}, RenameWorkspace{"Personal"}, nil, Invalid},
		"call a project personal":        {[]Event{WorkspaceCreated{Slug: "mine", Name: "Mine", Organization: "acme"}}, RenameWorkspace{"Personal"}, []Event{WorkspaceRenamed{"Personal"}}, nil},
		"label":                          {[]Event{created}, LabelWorkspace{Set: map[string]string{"a": "b"}}, []Event{WorkspaceLabelled{Set: map[string]string{"a": "b"}}}, nil},
		"label, gone already":            {[]Event{created}, LabelWorkspace{Removed: []string{"a"}}, nil, nil},
		"restore":                        {[]Event{created, WorkspaceArchived{}}, RestoreWorkspace{}, []Event{WorkspaceRestored{}}, nil},
		"delete, archived":               {[]Event{created, WorkspaceArchived{}}, DeleteWorkspace{}, []Event{WorkspaceDeleted{}}, nil},
		"start":                          {[]Event{created}, MoveRun{started}, []Event{started}, nil},
		"start again":                    {[]Event{created, started}, MoveRun{started}, nil, AlreadyExists},
		"start a failed one":             {[]Event{created, started, failed}, MoveRun{started}, []Event{started}, nil},
		"start a finished one":           {[]Event{created, started, finished}, MoveRun{started}, nil, InvalidTransition},
		"start without a pipeline":       {[]Event{created}, MoveRun{RunReported{Phase: Started, Run: run1}}, nil, Required},
		"start one that failed in line":  {[]Event{created, queued, failed}, MoveRun{started}, []Event{second}, nil},
		"complete":                       {[]Event{created, started}, MoveRun{finished}, []Event{finished}, nil},
		"nest in one that is inside":     {[]Event{created, nested}, NestRun{RunNested{Run: nested.Parent, Parent: run1}}, nil, Invalid},
		"retry twice":                    {[]Event{created, step(Started), step(Retrying), step(Started), step(Retrying)}, MoveStep{step(Started)}, []Event{step(Started)}, nil},
		"retry a failed step":            {[]Event{created, step(Started), step(Failed)}, MoveStep{step(Retrying)}, []Event{step(Retrying)}, nil},
		"complete again":                 {[]Event{created, started, finished}, MoveRun{finished}, nil, nil},
		"fail a finished one":            {[]Event{created, started, finished}, MoveRun{failed}, nil, InvalidTransition},
		"report failure of a finished":   {[]Event{created, started, finished}, Record{Events: []Event{failed}}, []Event{failed}, nil},
		"report, no workspace":           {nil, Record{Events: []Event{failed}}, nil, NotFound},
		"report, deleted workspace":      {[]Event{created, WorkspaceDeleted{}}, Record{Events: []Event{failed}}, nil, Gone},
		"report without id":              {[]Event{created}, Record{Events: []Event{RunReported{Phase: Started}}}, nil, Required},
		"report with NUL":                {[]Event{created}, Record{Events: []Event{RunReported{Phase: Started, Run: RunRef{ID: "a\x00b"}}}}, nil, Invalid},
		"report with too many":           {[]Event{created}, Record{Events: []Event{many}}, nil, TooLong},
		"report with a huge name":        {[]Event{created}, Record{Events: []Event{RunReported{Phase: Started, Run: RunRef{ID: strings.Repeat("a", MaxName+1)}}}}, nil, TooLong},
		"move a deleted run":             {[]Event{created, started, RunDeleted{run1}}, MoveRun{finished}, nil, Gone},
		"nest":                           {[]Event{created}, NestRun{RunNested{Run: run1, Parent: RunRef{ID: "p"}}}, []Event{RunNested{Run: run1, Parent: RunRef{ID: "p"}}}, nil},
		"nest in itself":                 {[]Event{created}, NestRun{RunNested{Run: run1, Parent: run1}}, nil, Invalid},
		"delete a run":                   {[]Event{created, started}, Delete{Event: RunDeleted{run1}}, []Event{RunDeleted{run1}}, nil},
		"delete twice":                   {[]Event{created, started, RunDeleted{run1}}, Delete{Event: RunDeleted{run1}}, nil, nil},
		"delete nothing":                 {[]Event{created}, Delete{Event: RunDeleted{run1}}, nil, NotFound},
		"register a version":             {[]Event{created}, RegisterPipelineVersion(spec), []Event{hashed}, nil},
		"register a version again":       {[]Event{created, hashed}, RegisterPipelineVersion(spec), nil, nil},
		"register a bad version":         {[]Event{created}, RegisterPipelineVersion{Pipeline: train, Spec: Spec{Edges: []Edge{{"a", "b"}}}}, nil, Invalid},
		"alias to itself":                {[]Event{created}, AliasArtifact{ArtifactAliased{Artifact: train, Alias: Alias{Name: train}}, true}, nil, Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := tt.when.Decide(given(t, tt.given...))
			if !errors.Is(err, tt.code) || !reflect.DeepEqual(got, tt.then) {
				t.Errorf("Decide = %v, %v; want %v, %v", got, err, tt.then, tt.code)
			}
		})
	}
}

func TestEveryTransitionIsOfAKnownStatus(t *testing.T) {
	t.Parallel()
	for from, to := range transitions {
		for _, p := range to {
			if _, ok := statusOf[p]; !ok {
				t.Errorf("%s may go to %s, which is no status", from, p)
			}
		}
	}
	for _, s := range statusOf {
		if _, ok := transitions[s]; !ok {
			t.Errorf("no transitions from %s", s)
		}
	}
}

// A state stored and read again decides as the one that was folded.
func TestStateIsBounded(t *testing.T) {
	t.Parallel()
	events := []Event{created, started}
	for range 500 {
		events = append(events, RunReported{Phase: Progressed, Run: run1}, failed, started)
	}
	st := given(t, events...)[RunEntity(run1)]
	if len(st.Facts) > maxFacts {
		t.Errorf("%d facts kept; at most %d", len(st.Facts), maxFacts)
	}
	if got := st.Life().Status; got != StatusRunning {
		t.Errorf("status %s after many attempts, want running", got)
	}
}
