package fold

import "github.com/annals-io/annals/domain"

// wordRows are the words of names, for search. They are never taken back: a name that was is still a name.
type wordRows struct {
	seen map[word]bool
	list []word
}

type word struct {
	ws   int32
	word string
	kind domain.Kind
	key  int64
}

// add puts the words of a name of an entity of the workspace at hand.
func (w *wordRows) add(f *fold, kind domain.Kind, key int64, name string) {
	if w.seen == nil {
		w.seen = map[word]bool{}
	}
	for _, s := range wordsOf(name) {
		if x := (word{f.ws, s, kind, key}); !w.seen[x] {
			w.seen[x] = true
			w.list = append(w.list, x)
		}
	}
}

const insertWordsSQL = `
INSERT INTO read.words (ws, word, kind, entity)
SELECT * FROM unnest($1::int4[], $2::text[], $3::text[], $4::int8[]) ON CONFLICT DO NOTHING`

func (w *wordRows) flush(t *trip) {
	if len(w.list) == 0 {
		return
	}
	ws, words, kinds, keys := &array{typ: tInt4}, &array{typ: tText}, &array{typ: tText}, &array{typ: tInt8}
	for i := range w.list {
		x := &w.list[i]
		kind := string(x.kind)
		ws.add(false, &x.ws)
		words.add(false, &x.word)
		kinds.add(false, &kind)
		keys.add(false, &x.key)
	}
	t.tell(insertWordsSQL, []*array{ws, words, kinds, keys})
}
