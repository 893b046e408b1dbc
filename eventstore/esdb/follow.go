package esdb

import (
	"context"
	"fmt"
	"iter"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"

	"github.com/annals-io/annals/eventstore"
)

// Follow yields the log page by page, for ever. See [eventstore.Follower]. Pages are read; a subscription only says
// that there is something to read, so that one that breaks, or falls behind, loses nothing.
func (s *Store) Follow(ctx context.Context, after eventstore.Position, limit int) iter.Seq2[eventstore.Page, error] {
	s.watch.Do(func() { s.tasks.Go(s.listen) })
	return eventstore.Tail{Read: s.ReadAll, Moved: s.whenMoved, PollEvery: s.opts.PollEvery}.Follow(ctx, after, limit)
}

func (s *Store) whenMoved() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.moved
}

// listen keeps a subscription to what is appended, and wakes followers.
func (s *Store) listen() {
	for try := 0; s.ctx.Err() == nil; try++ {
		heard, err := s.subscribe(s.ctx)
		if heard {
			try = 0
		}
		s.wake()
		if s.ctx.Err() == nil {
			s.opts.Logger.Debug("the subscription to the event store broke", "error", err)
		}
		if !pause(s.ctx, try) {
			return
		}
	}
}

// subscribe says whether it heard anything before it broke.
func (s *Store) subscribe(ctx context.Context) (heard bool, err error) {
	n, err := s.cluster.leader(ctx)
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithCancel(s.cluster.outgoing(ctx))
	defer cancel()
	in, err := n.streams.Read(ctx, &streams.ReadReq{Options: &streams.ReadReq_Options{
		CountOption: &streams.ReadReq_Options_Subscription{Subscription: &streams.ReadReq_Options_SubscriptionOptions{}},
		StreamOption: &streams.ReadReq_Options_All{All: &streams.ReadReq_Options_AllOptions{
			AllOption: &streams.ReadReq_Options_AllOptions_End{End: &shared.Empty{}},
		}},
		FilterOption: &streams.ReadReq_Options_Filter{Filter: s.cluster.filter()},
		UuidOption:   &streams.ReadReq_Options_UUIDOption{Content: &streams.ReadReq_Options_UUIDOption_Structured{Structured: &shared.Empty{}}},
	}})
	if err != nil {
		return false, s.cluster.failed(n, judge(err, nil))
	}
	for {
		resp, err := in.Recv()
		if err != nil {
			return heard, fmt.Errorf("follow the log: %w", s.cluster.failed(n, judge(err, in.Trailer())))
		}
		heard = true
		switch resp.GetContent().(type) {
		case *streams.ReadResp_Event, *streams.ReadResp_Confirmation: // what came before the confirmation may be unread
			s.wake()
		}
	}
}

// filter lets through what may be ours: no events of the server's own, or those in streams of this log alone.
func (c *cluster) filter() *streams.ReadReq_Options_FilterOptions {
	f := &streams.ReadReq_Options_FilterOptions{
		Filter: &streams.ReadReq_Options_FilterOptions_EventType{
			EventType: &streams.ReadReq_Options_FilterOptions_Expression{Regex: `^[^\$].*`},
		},
		Window:                       &streams.ReadReq_Options_FilterOptions_Max{Max: 32},
		CheckpointIntervalMultiplier: 1000,
	}
	if c.prefix != "" {
		f.Filter = &streams.ReadReq_Options_FilterOptions_StreamIdentifier{
			StreamIdentifier: &streams.ReadReq_Options_FilterOptions_Expression{Prefix: []string{c.prefix}},
		}
	}
	return f
}
