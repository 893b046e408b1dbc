package seal

// A check is one of those without which something would be signed that does not follow from what was signed before. Tests
// leave one out, to show that the others do not do its work.
type check uint

const (
	tenure         check = 1 << iota // that the lease is still ours, in the transaction that seals
	signatures                       // of the last checkpoint of a tree
	lastCheckpoint                   // that the tree is the one that it says
	lastEvent                        // that the last event that was sealed is still the one that is there
	sealedEvents                     // that an event which is told again is the one that was sealed
	memory                           // that the tree grew from what this process has seen of it
	outsiders                        // that it grew from what places outside were told
	ending                           // that the log does not end before what is sealed of it
)

// checks says whether a check is not left out.
func (s *Sealer) checks(c check) bool { return s.without&c == 0 }
