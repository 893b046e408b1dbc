package model

import "sync"

// Peers are things that were read together: the rows of a page, or the children of all rows of a page. What one of
// them needs, the others are about to need too, so it is read for all at once, and once.
type Peers[T any] struct {
	At  *Moment
	All []*T

	mu   sync.Mutex
	done map[string]*load
}

type load struct {
	once sync.Once
	got  any
	err  error
}

// Once answers what read gave for the word the first time; others who ask meanwhile wait for it. A failure is kept
// too: a request whose context ended does not try again.
func (p *Peers[T]) Once(word string, read func(all []*T) (any, error)) (any, error) {
	p.mu.Lock()
	if p.done == nil {
		p.done = map[string]*load{}
	}
	l, ok := p.done[word]
	if !ok {
		l = &load{}
		p.done[word] = l
	}
	p.mu.Unlock()
	l.once.Do(func() { l.got, l.err = read(p.All) })
	return l.got, l.err
}

// AsOf is the moment that they were read at.
func (p *Peers[T]) AsOf() *Moment { return p.At }

// Group is the peers themselves: what is read with others has it by embedding them.
func (p *Peers[T]) Group() *Peers[T] { return p }
