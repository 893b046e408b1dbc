package esdbfake

import (
	"context"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Op is what a fault lies in wait for.
type Op int

// The operations that can be made to fail.
const (
	OpAppend Op = iota
	OpRead
	OpSubscribe
	OpGossip
)

// Kind is how an operation fails.
type Kind int

// The kinds of failure.
const (
	DropBefore    Kind = iota // the connection breaks; nothing was written
	DropAfter                 // the connection breaks behind the commit
	DropDuring                // the connection breaks at the first event, of an append or of an answer
	EndDuring                 // the server ends the call at the first event of an append, with an error
	AbortedBefore             // Aborted, nothing was written: a prepare timed out
	AbortedAfter              // Aborted behind the commit: the commit timed out
	HangBefore                // no answer until the caller's deadline; nothing was written
	HangAfter                 // no answer until the caller's deadline, behind the commit
	NotReady                  // Unavailable, nothing was written
	NotLeader                 // refused, naming the leader
	Slow                      // carried out and answered, after a tenth of a second
	Late                      // carried out when the caller has given up: a write that waited in a queue
)

// slowness is how long a slow answer takes.
const slowness = 100 * time.Millisecond

// A Fault is a failure on demand. The operations after Skip others fail, as many as Times says; 0 is one.
type Fault struct {
	On    Op
	Kind  Kind
	Skip  int
	Times int
}

// Fail arms a fault at this node.
func (s *Server) Fail(f Fault) {
	if f.Times == 0 {
		f.Times = 1
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, f)
}

// Armed says how many operations are still to fail.
func (s *Server) Armed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, f := range s.faults {
		n += f.Times
	}
	return n
}

// take is the fault that the next operation meets.
func (s *Server) take(on Op) fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.faults {
		f := &s.faults[i]
		if f.On != on {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		met := fault{met: true, kind: f.Kind}
		if f.Times--; f.Times == 0 {
			s.faults = slices.Delete(s.faults, i, i+1)
		}
		return met
	}
	return fault{}
}

// A fault is one that was met, or none.
type fault struct {
	met  bool
	kind Kind
}

var errDropped = status.Error(codes.Unavailable, "the connection was cut")

func (f fault) during(s *Server, _ context.Context, _ trailer) error {
	switch {
	case !f.met:
	case f.kind == DropDuring:
		s.cutConnections()
		return errDropped
	case f.kind == EndDuring:
		return status.Error(codes.Unknown, "the write was ended by the server")
	}
	return nil
}

func (f fault) before(s *Server, ctx context.Context, setTrailer trailer) error {
	if !f.met {
		return nil
	}
	switch f.kind {
	case DropBefore:
		s.cutConnections()
		return errDropped
	case AbortedBefore:
		return status.Error(codes.Aborted, "operation timed out: prepare timeout")
	case HangBefore:
		<-ctx.Done()
		return ctx.Err()
	case Slow:
		wait := time.NewTimer(slowness)
		defer wait.Stop()
		<-wait.C
	case Late:
		<-ctx.Done()
	case NotReady:
		return status.Error(codes.Unavailable, "server is not ready")
	case NotLeader:
		s.log.mu.Lock()
		leader := s.log.leader
		s.log.mu.Unlock()
		return refuseFollower(setTrailer, leader)
	}
	return nil
}

func (f fault) after(s *Server, ctx context.Context, _ trailer) error {
	if !f.met {
		return nil
	}
	switch f.kind {
	case DropAfter:
		s.cutConnections()
		return errDropped
	case AbortedAfter:
		return status.Error(codes.Aborted, "operation timed out: commit timeout")
	case HangAfter:
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}
