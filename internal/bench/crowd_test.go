package bench

import "testing"

// The control of every test in which a crowd finds nothing: it finds each kind of wrong answer.
func TestACrowdFindsMixedAnswers(t *testing.T) {
	t.Parallel()
	answer := func(revision int64, runs int, newest string) crowdAnswer {
		a := crowdAnswer{}
		a.AsOf.Revision, a.Counts.Runs = revision, runs
		a.Runs.Nodes = []struct{ Name string }{{newest}}
		return a
	}
	for name, test := range map[string]struct {
		now     crowdAnswer
		then    string
		sending bool
		wrong   int
	}{
		"as it should be":                   {answer(7, 2, "crowd 2"), "same", false, 0},
		"an earlier moment":                 {answer(5, 1, "crowd 1"), "same", false, 0},
		"between two writes":                {answer(6, 1, "crowd 1"), "same", false, 0},
		"one more that is not answered yet": {answer(10, 4, "crowd 4"), "same", true, 0},
		"one more that nobody sent":         {answer(10, 4, "crowd 4"), "same", false, 1},
		"counts of another model":           {answer(7, 1, "crowd 1"), "same", false, 1},
		"a list of another model":           {answer(7, 2, "crowd 1"), "same", false, 1},
		"an empty list":                     {crowdAnswer{AsOf: struct{ Revision int64 }{7}, Counts: struct{ Runs int }{2}}, "same", false, 1},
		"an earlier revision than before":   {answer(3, 0, ""), "same", false, 1},
		"a fixed moment that moved":         {answer(7, 2, "crowd 2"), "other", false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &place{wrote: []int64{5, 7, 9}, seen: 5, fixed: "same", sending: test.sending}
			if wrong := p.check(test.now, test.then); len(wrong) != test.wrong {
				t.Errorf("it finds %q", wrong)
			}
		})
	}
}

// Where there are more runs than the API counts, the newest of them still tells one model from another.
func TestACrowdLooksAtTheNewestBeyondWhatIsCounted(t *testing.T) {
	t.Parallel()
	wrote := make([]int64, 12_000)
	for i := range wrote {
		wrote[i] = int64(i)
	}
	for newest, wrong := range map[string]int{"crowd 12000": 0, "crowd 11999": 1, "crowd 10001": 1} {
		a := crowdAnswer{}
		a.AsOf.Revision, a.Counts.Runs, a.Runs.Nodes = 11_999, 10_001, []struct{ Name string }{{newest}}
		if found := (&place{wrote: wrote}).check(a, ""); len(found) != wrong {
			t.Errorf("%s: it finds %q", newest, found)
		}
	}
}
