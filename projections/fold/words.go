package fold

import "github.com/annals-io/annals/domain"

// wordRows are the words of names, for search, each since something was first so named. They are never taken back: a
// name that was is still a name.
type wordRows struct {
	seen map[word]bool
	list []wordSince
}

type wordSince struct {
	word
	since int64
}

type word struct {
	ws   int32
	word string
	kind domain.Kind
	key  int64
}

// add puts the words of the first name of an entity of the workspace at hand.
func (w *wordRows) add(f *fold, kind domain.Kind, key int64, name string) {
	if f.fill != nil {
		for _, s := range wordsOf(name) {
			f.fill.word(f.ws, s, kind, key, f.revision)
		}
		return
	}
	if w.seen == nil {
		w.seen = map[word]bool{}
	}
	for _, s := range wordsOf(name) {
		if x := (word{f.ws, s, kind, key}); !w.seen[x] {
			w.seen[x] = true
			w.list = append(w.list, wordSince{x, f.revision})
		}
	}
}

// rename puts the words of another name of an entity, whose first name is given.
func (w *wordRows) rename(f *fold, kind domain.Kind, key int64, first, now string) {
	if f.fill != nil {
		f.fill.renamed(f.ws, kind, key, first, now, f.revision)
		return
	}
	w.add(f, kind, key, now)
}

const (
	wordColumns    = "ws, word, kind, entity, since"
	insertWordsSQL = `
INSERT INTO read.words (` + wordColumns + `)
SELECT * FROM unnest($1::int4[], $2::text[], $3::text[], $4::int8[], $5::int8[]) ON CONFLICT DO NOTHING`
)

// flush queues the words of the page. Those of an entity that is older than the page may be there already.
func (w *wordRows) flush(t *trip, first map[int32]int64) {
	var fresh, perhaps [5]*array
	for i, typ := range [...]typ{tInt4, tText, tText, tInt8, tInt8} {
		fresh[i], perhaps[i] = &array{typ: typ}, &array{typ: typ}
	}
	for i := range w.list {
		x := &w.list[i]
		to := &perhaps
		if x.key > first[x.ws] {
			to = &fresh
		}
		kind := string(x.kind)
		for j, p := range [...]any{&x.ws, &x.word.word, &kind, &x.key, &x.since} {
			to[j].add(false, p)
		}
	}
	w.seen, w.list = nil, w.list[:0]
	if fresh[0].n > 0 {
		t.add("words", wordColumns, insertWordsSQL, fresh[:])
	}
	if perhaps[0].n > 0 {
		t.tell(insertWordsSQL, perhaps[:])
	}
}
