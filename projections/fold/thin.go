package fold

import (
	"slices"

	"github.com/annals-io/annals/domain"
)

// A run without an end repeats itself for months: "it runs, it reads this, it writes that". Of facts that say the
// same, mostAlike are kept, the first and the last by order among them; those in between say nothing that these do
// not. (An attempt that late starts cut out between two kept facts, and in which nothing else was ever said, would
// miss them. No producer is known that does so.)
const mostAlike = 128

// thinLife drops a fact of a life where too many say the same.
func (f *fold) thinLife(ex *execution) {
	last := ex.facts[len(ex.facts)-1]
	if last.Attempt != 0 || last.Failure != nil || last.Phase != domain.Progressed && last.Phase != domain.Observed && last.Phase != domain.Annotated {
		return
	}
	var alike []int
	for i := range ex.facts {
		if ex.facts[i].Phase == last.Phase && ex.facts[i].Attempt == 0 && ex.facts[i].Failure == nil {
			alike = append(alike, i)
		}
	}
	if len(alike) <= mostAlike {
		return
	}
	slices.SortStableFunc(alike, func(a, b int) int { return ex.facts[a].Order.Compare(ex.facts[b].Order) })
	i := alike[len(alike)-2]
	f.thinned.life = append(f.thinned.life, thinnedFact{place[int64]{f.ws, ex.key}, ex.revisions[i], 0})
	ex.facts, ex.revisions = slices.Delete(ex.facts, i, i+1), slices.Delete(ex.revisions, i, i+1)
}

// alike says whether two facts say the same of what is read or written.
func (a *ioFact) alike(b *ioFact) bool {
	return a.direction == b.direction && a.artifact == b.artifact && a.name == b.name && a.attempt == b.attempt && a.role == b.role &&
		a.position == b.position && a.says == b.says && slices.Equal(a.sources, b.sources)
}

// thinIO drops a fact on what is read or written where too many say the same as the last one.
func (f *fold) thinIO(ex *execution) {
	if len(ex.io) <= mostAlike {
		return
	}
	last := ex.io[len(ex.io)-1]
	var alike []int
	for i := range ex.io {
		if ex.io[i].alike(&last) {
			alike = append(alike, i)
		}
	}
	if len(alike) <= mostAlike {
		return
	}
	slices.SortStableFunc(alike, func(a, b int) int { return ex.io[a].order.Compare(ex.io[b].order) })
	i := alike[len(alike)-2]
	f.thinned.io = append(f.thinned.io, thinnedFact{place[int64]{f.ws, ex.key}, ex.io[i].revision, ex.io[i].ordinal})
	ex.io = slices.Delete(ex.io, i, i+1)
	for i := range ex.uses.writes {
		ex.uses.writes[i].facts = nil // they are counted by place
	}
}

// thinned are the facts to be deleted.
type thinned struct{ life, io []thinnedFact }

type thinnedFact struct {
	execution place[int64]
	revision  int64
	ordinal   int32
}

const (
	thinLifeSQL = `
DELETE FROM read.life_facts t USING unnest($1::int4[], $2::int8[], $3::int8[], $4::int4[]) AS x (ws, execution, revision, ordinal)
WHERE t.ws = x.ws AND t.execution = x.execution AND t.revision = x.revision`
	thinIOSQL = `
DELETE FROM read.io_facts t USING unnest($1::int4[], $2::int8[], $3::int8[], $4::int4[]) AS x (ws, execution, revision, ordinal)
WHERE t.ws = x.ws AND t.execution = x.execution AND t.revision = x.revision AND t.ordinal = x.ordinal`
)

// flush queues the deletions; facts of the page itself must be there already.
func (d *thinned) flush(t *trip) {
	tell := func(sql string, list []thinnedFact) {
		if len(list) == 0 {
			return
		}
		args := []*array{{typ: tInt4}, {typ: tInt8}, {typ: tInt8}, {typ: tInt4}}
		for i := range list {
			for j, p := range [...]any{&list[i].execution.ws, &list[i].execution.key, &list[i].revision, &list[i].ordinal} {
				args[j].add(false, p)
			}
		}
		t.tell(sql, args)
	}
	tell(thinLifeSQL, d.life)
	tell(thinIOSQL, d.io)
	d.life, d.io = nil, nil
}
