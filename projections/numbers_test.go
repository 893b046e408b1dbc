package projections

import (
	"fmt"
	"sync"
	"testing"
)

// Lanes share the workspaces by their numbers: numbers that nobody has would be work that one lane is spared and
// another has to do.
func TestLanesThatMeetNewNamesTogetherUseUpNoNumber(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	n := newNumbers(r.pool, numberWorkspaces)
	const lanes, names = 8, 20
	for i := range names {
		name := fmt.Sprintf("workspace-%02d", i)
		var wait sync.WaitGroup
		for range lanes {
			wait.Go(func() {
				if err := n.learn(t.Context(), []string{name}); err != nil {
					t.Errorf("learn %s: %v", name, err)
				}
			})
		}
		wait.Wait()
	}
	for i := range names {
		name := fmt.Sprintf("workspace-%02d", i)
		first, _ := n.get("workspace-00")
		if got, ok := n.get(name); !ok || got != first+int32(i) {
			t.Errorf("%s has number %d (%t), want %d", name, got, ok, first+int32(i))
		}
	}
}
