package esdb

// SetMaxTail makes a store tell the tables of commands after fewer of them.
func (s *Store) SetMaxTail(n int) { s.maxTail = n }

// Remembered says how many commands a store holds in memory for a stream.
func (s *Store) Remembered() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.states {
		n += len(st.tail)
	}
	return n
}
