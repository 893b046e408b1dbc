package postgres

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
)

// channel is where commits are told of; the payload is the head.
const channel = "annals_log"

// How often the head is looked at for what other processes wrote. While notifications come, rarely: it only covers
// their loss. Without them, often after something was found, and ever less while nothing is.
const (
	pollOften  = 50 * time.Millisecond
	pollRarely = time.Second
)

// wakeOthers asks for a notification; it never waits.
func (s *Store) wakeOthers() {
	select {
	case s.notify <- struct{}{}:
	default:
	}
}

// notifyLoop tells other processes of commits. It is apart from the appends, because a transaction that notifies holds
// a lock over the whole cluster while it commits, and it spares them most of the calls.
func (s *Store) notifyLoop() {
	for {
		select {
		case <-s.notify:
		case <-s.ctx.Done():
			return
		}
		s.sendNotify()
		select {
		case <-time.After(s.opts.NotifyEvery):
		case <-s.ctx.Done():
			return
		}
	}
}

// sendNotify may fail: who listens also looks by itself.
func (s *Store) sendNotify() {
	s.feed.mu.Lock()
	head := s.feed.head
	s.feed.mu.Unlock()
	ctx, cancel := context.WithTimeout(s.ctx, pollRarely)
	defer cancel()
	if err := s.notifyOf(ctx, head); err != nil && s.ctx.Err() == nil {
		s.opts.Logger.Warn("notify other servers of new events", "error", err)
	}
}

// A notification needs no durable commit. SET LOCAL of its own would have Postgres log a warning each time.
const notifySQL = `SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2)`

func (s *Store) notifyOf(ctx context.Context, head uint64) error {
	_, err := s.pool.Exec(ctx, notifySQL, channel, strconv.FormatUint(head, 10))
	return err
}

// watchLoop learns of what other processes wrote, until the store closes. Whatever happens to its connection, it
// goes on.
func (s *Store) watchLoop() {
	every := pollOften
	var conn *pgx.Conn
	defer func() {
		if conn != nil {
			_ = conn.Close(context.Background())
		}
	}()
	for s.ctx.Err() == nil {
		if conn == nil && !s.opts.PollOnly {
			conn = s.listen()
		}
		before := s.headSeen()
		if conn == nil {
			s.sleep(every)
			s.poll()
		} else if !s.await(conn) {
			if s.ctx.Err() != nil { // the store closes: nothing was lost
				return
			}
			s.opts.Logger.Warn("lost the connection that listens for new events; looking by itself meanwhile")
			_ = conn.Close(s.ctx)
			conn = nil
		}
		if every = min(2*every, pollRarely); s.headSeen() > before {
			every = pollOften
		}
	}
}

// listen opens the connection that notifications come on; nil where that fails. What was committed before it listened
// is looked for at once.
func (s *Store) listen() *pgx.Conn {
	ctx, cancel := context.WithTimeout(s.ctx, 5*time.Second)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, s.pool.Config().ConnConfig)
	if err != nil {
		return nil
	}
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		_ = conn.Close(ctx)
		return nil
	}
	s.poll()
	return conn
}

// await waits for one notification, or looks at the head when none comes. It is false when the connection is lost.
func (s *Store) await(conn *pgx.Conn) bool {
	ctx, cancel := context.WithTimeout(s.ctx, pollRarely)
	defer cancel()
	n, err := conn.WaitForNotification(ctx)
	if err == nil {
		if head, err := strconv.ParseUint(n.Payload, 10, 63); err == nil {
			s.feed.saw(head)
		}
		return true
	}
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) || conn.IsClosed() {
		return false
	}
	s.poll()
	return true
}

// poll looks at the head. While nobody follows, nobody wants to know.
func (s *Store) poll() {
	if !s.feed.followed() {
		return
	}
	ctx, cancel := context.WithTimeout(s.ctx, 5*time.Second)
	defer cancel()
	if head, err := s.Head(ctx); err == nil {
		s.feed.saw(head.Commit)
	}
}

func (s *Store) headSeen() uint64 {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	return s.feed.head
}

func (s *Store) sleep(d time.Duration) {
	select {
	case <-time.After(d):
	case <-s.ctx.Done():
	}
}
