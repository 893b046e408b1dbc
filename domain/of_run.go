package domain

// OfRun says whether a command writes one run and nothing else: its life, its steps and metrics, what it reads and writes,
// and whose part it is. A report may say besides what the things are that its run reads and writes. Deleting is not
// writing, and a command that this build does not know is not of the run.
func OfRun(c Command, run RunRef) bool {
	switch c := Innermost(c).(type) {
	case MoveRun:
		return c.Run == run
	case MoveStep:
		return c.Run == run
	case NestRun:
		return c.Run == run
	case Record:
		return reports(c.Events, run)
	}
	return false
}

// Innermost is a command without what others wrapped around it.
func Innermost(c Command) Command {
	for {
		outer, ok := c.(interface{ Unwrap() Command })
		if !ok {
			return c
		}
		c = outer.Unwrap()
	}
}

// reports says whether these facts are a report on the run. The first of a report is about the run.
func reports(events []Event, run RunRef) bool {
	for i, e := range events {
		of, known := runOf(e)
		switch {
		case known && of != run:
			return false
		case !known && (i == 0 || !aside(e)):
			return false
		}
	}
	return len(events) > 0
}

// runOf is the run that a fact is about; ok is false where it is about none.
func runOf(e Event) (run RunRef, ok bool) {
	switch e := e.(type) {
	case RunReported:
		return e.Run, true
	case RunNested:
		return e.Run, true
	case StepReported:
		return e.Run, true
	case MetricsLogged:
		return e.Run, true
	case ArtifactsConsumed:
		return e.Run, true
	case ArtifactsProduced:
		return e.Run, true
	}
	return RunRef{}, false
}

// aside says whether a report on a run may say that, too.
func aside(e Event) bool {
	switch e.(type) {
	case ArtifactObserved, ArtifactDescribed, ArtifactAliased, ArtifactTagged, ArtifactVersionAnnotated,
		PipelineRegistered, PipelineVersionRegistered, PipelineDescribed, PipelineDeclared:
		return true
	}
	return false
}
