package transfer

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// A chain is where a stream is, and a hash over all its events until there.
type chain struct {
	last domain.Revision
	sum  [sha256.Size]byte
}

// chains are those of a log.
type chains map[domain.Stream]*chain

// add moves a stream's chain on. Events that do not follow each other are damage.
func (cs chains) add(e *eventstore.NewEvent) error {
	at := cs[e.Stream]
	if at == nil {
		at = &chain{last: domain.NoRevision}
		cs[e.Stream] = at
	}
	if e.Revision != at.last+1 {
		return &eventstore.DamagedError{Stream: e.Stream, Reason: fmt.Sprintf("revision %d is missing", at.last+1)}
	}
	at.last, at.sum = e.Revision, link(at.sum, e)
	return nil
}

func (cs chains) events() (n int64) {
	for _, at := range cs {
		n += int64(at.last) + 1
	}
	return n
}

// link covers all that is stored of an event. Texts go in with their lengths.
func link(before [sha256.Size]byte, e *eventstore.NewEvent) (sum [sha256.Size]byte) {
	h := sha256.New()
	number := func(n int64) {
		var b [8]byte
		binary.BigEndian.PutUint64(b[:], uint64(n))
		h.Write(b[:])
	}
	text := func(s string) {
		number(int64(len(s)))
		h.Write([]byte(s))
	}
	h.Write(before[:])
	number(int64(e.Revision))
	h.Write(e.EventID[:])
	text(e.Type)
	number(int64(e.Version))
	number(e.RecordedAt.UnixMicro())
	number(e.OccurredAt.UnixMicro())
	text(string(e.Subject.Kind))
	h.Write(e.Subject.ID[:])
	ofData, ofMeta := sha256.Sum256(e.Data), sha256.Sum256(e.MetaData)
	h.Write(ofData[:])
	h.Write(ofMeta[:])
	h.Sum(sum[:0])
	return sum
}

// sums are the links of one stream, by revision.
func (c *copying) sums(ctx context.Context, b Backend, stream domain.Stream) (sums [][sha256.Size]byte, ids [][16]byte, err error) {
	var before [sha256.Size]byte
	err = c.pages(ctx, b, func(p eventstore.RawPage) error {
		events := p.Events
		for i := range events {
			if events[i].Stream != stream {
				continue
			}
			before = link(before, &events[i])
			sums, ids = append(sums, before), append(ids, events[i].EventID)
		}
		return nil
	})
	return sums, ids, err
}

// explain finds where a stream of the target leaves the source's, which is read once more for that. Before anything
// was written, a target that holds other events is foreign; one that holds the same events with other content is not
// what was copied there.
func (c *copying) explain(ctx context.Context, stream domain.Stream, before bool) error {
	want, wantIDs, err := c.sums(ctx, c.from, stream)
	if err != nil {
		return err
	}
	got, gotIDs, err := c.sums(ctx, c.to, stream)
	if err != nil {
		return err
	}
	n := 0
	for n < len(want) && n < len(got) && want[n] == got[n] {
		n++
	}
	at := domain.Revision(n)
	switch {
	case n < len(want) && n < len(got) && wantIDs[n] == gotIDs[n]:
		return &DifferentError{What: fmt.Sprintf("revision %d of stream %s is not the event that it is in the source", at, stream)}
	case n < len(got) && (before || len(want) == 0):
		return &ForeignError{Stream: stream, Revision: at}
	case n < len(got):
		return &DifferentError{What: fmt.Sprintf("stream %s holds an event at revision %d that the source does not", stream, at)}
	}
	return &DifferentError{What: fmt.Sprintf("stream %s ends at revision %d, in the source at %d", stream, len(got)-1, len(want)-1)}
}
