package domain

import "testing"

// wrapped is a command of somebody else's around another.
type wrapped struct{ Command }

func (w wrapped) Unwrap() Command { return w.Command }

func TestWhatTheTokenOfARunMayWrite(t *testing.T) {
	t.Parallel()
	mine, other := RunRef{ID: "r1"}, RunRef{ID: "r2"}
	sameID := RunRef{ID: "r1", Job: Name{"airflow", "etl"}}
	move := func(r RunRef) Command { return MoveRun{RunReported{Phase: Succeeded, Run: r}} }
	record := func(events ...Event) Command { return Record{events} }
	io := IO{Artifact: Name{"", "orders"}}
	for name, tt := range map[string]struct {
		command Command
		want    bool
	}{
		"moves it":                       {move(mine), true},
		"moves another":                  {move(other), false},
		"moves one of another job":       {move(sameID), false},
		"moves it, wrapped twice":        {wrapped{wrapped{move(mine)}}, true},
		"moves another, wrapped":         {wrapped{move(other)}, false},
		"moves a step of it":             {MoveStep{StepReported{Phase: Started, Execution: Execution{mine, "a"}}}, true},
		"moves a step of another":        {MoveStep{StepReported{Phase: Started, Execution: Execution{other, "a"}}}, false},
		"nests it":                       {NestRun{RunNested{Run: mine, Parent: other}}, true},
		"nests another in it":            {NestRun{RunNested{Run: other, Parent: mine}}, false},
		"deletes it":                     {Delete{Event: RunDeleted{mine}}, false},
		"deletes a step of it":           {Delete{Event: StepDeleted{Execution{mine, "a"}}}, false},
		"deletes its artifact":           {Delete{Event: ArtifactDeleted{io.Artifact}}, false},
		"reports on it":                  {record(RunReported{Phase: Started, Run: mine}, ArtifactsProduced{Execution: Execution{Run: mine}, Outputs: []IO{io}}), true},
		"reports on it, and what it saw": {record(RunReported{Phase: Started, Run: mine}, ArtifactObserved{io}), true},
		"reports on two":                 {record(RunReported{Phase: Started, Run: mine}, RunReported{Phase: Started, Run: other}), false},
		"reports metrics of another":     {record(MetricsLogged{Execution: Execution{Run: other}}), false},
		"reports a dataset alone":        {record(ArtifactObserved{io}), false},
		"a dataset, then the run":        {record(ArtifactObserved{io}, RunReported{Phase: Started, Run: mine}), false},
		"declares a pipeline":            {record(PipelineDeclared{Pipeline: io.Artifact}), false},
		"deletes in a report":            {record(RunReported{Phase: Started, Run: mine}, RunDeleted{mine}), false},
		"renames its workspace":          {record(RunReported{Phase: Started, Run: mine}, WorkspaceRenamed{"x"}), false},
		"grants itself a role":           {record(RunReported{Phase: Started, Run: mine}, RoleGranted{}), false},
		"reports nothing":                {record(), false},
		"renames the workspace":          {RenameWorkspace{Name: "x"}, false},
		"tags an artifact":               {MarkTags{Event: ArtifactTagged{Artifact: io.Artifact}}, false},
		"creates a workspace":            {CreateWorkspace{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := OfRun(tt.command, mine); got != tt.want {
				t.Errorf("OfRun = %v, want %v", got, tt.want)
			}
		})
	}
}
