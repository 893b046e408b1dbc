package eventstore

import (
	"context"
	"sync"
	"time"

	"github.com/annals-io/annals/domain"
)

// An EntityRead asks for the events about one entity of a stream, from a revision on, at most Limit of them (0: all).
// Where there are more, it is not said which ones come.
type EntityRead struct {
	Stream domain.Stream
	Entity domain.Entity
	From   domain.Revision
	Limit  int
}

// EntitiesReader is what a backend may offer besides [Reader.ReadEntity]: the events about several entities of any
// streams in one round trip, by an index. The answer has one list for each question, in order.
type EntitiesReader interface {
	ReadEntities(ctx context.Context, reads []EntityRead) ([][]domain.Recorded, error)
}

// A HeadsReader is a Reader that says in one round trip how far several streams go.
type HeadsReader interface {
	// Heads are the last revisions of streams, in their order; [domain.NoRevision] where there is no stream.
	Heads(ctx context.Context, streams []domain.Stream) ([]domain.Revision, error)
}

// loads gathers what the actors want to read at the same time, as the committer gathers what they write: at once when
// idle, else whatever queued while the last reads were under way.
type loads struct {
	reader EntitiesReader
	cheap  bool          // there is such a reader
	limit  time.Duration // of one round trip; 0: none but the context's

	mu      sync.Mutex
	waiting []*load
	busy    int
}

// A load is one actor's questions and their answers.
type load struct {
	reads []EntityRead
	found [][]domain.Recorded
	err   error
	done  chan struct{}
}

// Two reads may be under way at once, of at most so many entities each.
const (
	maxLoads     = 2
	maxLoadReads = 500
)

func newLoads(store Store) *loads {
	reader, cheap := store.(EntitiesReader)
	return &loads{reader: reader, cheap: cheap}
}

// read answers one list of events for each question. The context is that of everybody who reads here, not of one caller:
// whoever comes first reads for those who come meanwhile.
func (l *loads) read(ctx context.Context, reads []EntityRead) ([][]domain.Recorded, error) {
	mine := &load{reads: reads, done: make(chan struct{})}
	l.mu.Lock()
	l.waiting = append(l.waiting, mine)
	if l.busy < maxLoads {
		l.busy++
		go l.run(ctx)
	}
	l.mu.Unlock()
	<-mine.done // run ends with ctx as well
	return mine.found, mine.err
}

// run reads until nothing waits.
func (l *loads) run(ctx context.Context) {
	for {
		group := l.take()
		if group == nil {
			return
		}
		var reads []EntityRead
		for _, one := range group {
			reads = append(reads, one.reads...)
		}
		found, err := l.readGroup(ctx, reads)
		for _, one := range group {
			if one.err = err; err == nil {
				one.found, found = found[:len(one.reads)], found[len(one.reads):]
			}
			close(one.done)
		}
	}
}

func (l *loads) readGroup(ctx context.Context, reads []EntityRead) ([][]domain.Recorded, error) {
	if l.limit == 0 {
		return l.reader.ReadEntities(ctx, reads)
	}
	ctx, cancel := context.WithTimeout(ctx, l.limit)
	defer cancel()
	return l.reader.ReadEntities(ctx, reads)
}

// take is the next group; without one, the caller is not busy any more.
func (l *loads) take() []*load {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 {
		l.busy--
		return nil
	}
	n, reads := 0, 0
	for n < len(l.waiting) && (n == 0 || reads+len(l.waiting[n].reads) <= maxLoadReads) {
		reads += len(l.waiting[n].reads)
		n++
	}
	group := l.waiting[:n:n]
	l.waiting = l.waiting[n:]
	return group
}
