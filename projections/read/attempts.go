package read

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/annals-io/annals/domain"
)

// An Attempt is one try of a run or step. Failure is what went wrong in it; nil: nobody said.
type Attempt struct {
	Number        int             `json:"number"`
	Status        domain.Status   `json:"status"`
	StartedAt     time.Time       `json:"startedAt,omitzero"`
	EndedAt       time.Time       `json:"endedAt,omitzero"`
	Contradictory bool            `json:"contradictory,omitempty"`
	Failure       *domain.Failure `json:"failure,omitempty"`
}

// AllAttempts are the attempts of the run, the first one first; none of a run that nothing was reported of.
func (r Run) AllAttempts() ([]Attempt, error) {
	return attempts(r.Attempts, r.Failure, Attempt{Number: r.Attempt, Status: r.OwnStatus, StartedAt: r.StartedAt, EndedAt: r.EndedAt, Contradictory: r.Contradictory})
}

// AllAttempts are the attempts of the step, the first one first; none of a step that nothing was reported of.
func (s Step) AllAttempts() ([]Attempt, error) {
	return attempts(s.Attempts, s.Failure, Attempt{Number: s.Attempt, Status: s.OwnStatus, StartedAt: s.StartedAt, EndedAt: s.EndedAt, Contradictory: s.Contradictory})
}

// attempts reads what the column holds only where there is more to say than the row itself does; the row's failure is
// that of the last attempt.
func attempts(stored, failure json.RawMessage, only Attempt) ([]Attempt, error) {
	var all []Attempt
	if len(stored) > 0 {
		if err := json.Unmarshal(stored, &all); err != nil {
			return nil, fmt.Errorf("read the attempts: %w", err)
		}
	} else if only.Number > 0 {
		if len(failure) > 0 {
			if err := json.Unmarshal(failure, &only.Failure); err != nil {
				return nil, fmt.Errorf("read the failure: %w", err)
			}
		}
		all = []Attempt{only}
	}
	return all, nil
}
