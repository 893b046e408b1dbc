package fold

// A run may be said to be of another pipeline, or nested in another run, than before. Its row has the place it is at;
// the places that it ever left stand in runs_left, so that who asks what was there finds it without reading all of the
// past. Whether it was there at the moment says the row of that moment.

// A leftKey is a place, which is a pipeline or a run, and a run that was there.
type leftKey struct{ place, run int64 }

var leftTable = table[leftKey, struct{}]{
	name: "runs_left", keys: 2, plain: true,
	columns: []column{{name: "place", typ: tInt8}, {name: "run", typ: tInt8}},
	bind:    func(k *leftKey, _ *struct{}, to []any) []any { return append(to, &k.place, &k.run) },
}

// leave notes that a run left a place, 0 for none.
func (f *fold) leave(run, place int64) {
	if place != 0 {
		f.left.edit(leftKey{place, run})
	}
}
