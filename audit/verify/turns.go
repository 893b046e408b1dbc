package verify

import (
	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/audit/checkpoint"
)

// A signing is a checkpoint, and by which of the keys that were given it is signed: of one instance the newest is the first.
type signing struct {
	checkpoint.Checkpoint
	key int
}

// open reads a checkpoint that one of the keys has signed.
func (v *verification) open(signed []byte) (s signing, err error) {
	for i, k := range v.Keys {
		if s.Checkpoint, err = checkpoint.Open(signed, k); err == nil {
			return signing{s.Checkpoint, i}, nil
		}
	}
	return s, err
}

// turns checks that each key came after the one before it, for good: where a later key has signed, whoever signs more events
// by a former one has come by a key that is not in use.
func (v *verification) turns(exported, kept []signing) {
	type tree struct {
		origin string
		key    int
	}
	begins := map[tree]int64{} // the smallest checkpoint by each key
	for _, all := range [][]signing{exported, kept} {
		for _, s := range all {
			at := tree{s.Origin, s.key}
			if first, ok := begins[at]; !ok || s.Size < first {
				begins[at] = s.Size
			}
		}
	}
	for _, s := range exported {
		for later := range s.key {
			if first, ok := begins[tree{s.Origin, later}]; ok && first < s.Size {
				v.fail(first, bundle.CheckpointsFile, "the checkpoint of %d events is signed by a former key, and one of %d by a later one: give --key the newest first, and if you did, somebody else signed it", s.Size, first)
				return
			}
		}
	}
}
