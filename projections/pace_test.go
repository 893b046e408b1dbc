package projections

import (
	"context"
	"testing"
	"time"
)

func TestAPaceRestsWhileOthersWork(t *testing.T) {
	t.Parallel()
	p := &pace{}
	look := func(times int, commit, late time.Duration) {
		for range times {
			p.learn(commit, late)
		}
	}
	// given a database at rest, then it never rests
	if look(5, time.Millisecond, 0); p.rest != 0 {
		t.Errorf("at rest it rests %f", p.rest)
	}
	// when commits get slow, then it rests, longer and longer, up to a bound
	if look(1, 40*time.Millisecond, 0); p.rest != leastRest {
		t.Errorf("after a slow commit it rests %f", p.rest)
	}
	if look(20, 40*time.Millisecond, 0); p.rest != mostRest {
		t.Errorf("after many slow commits it rests %f", p.rest)
	}
	// when they are quick again, then it soon works as before
	if look(10, time.Millisecond, 0); p.rest != 0 {
		t.Errorf("at rest again it rests %f", p.rest)
	}
	// when the live model is late, then it rests, however quick commits are
	if look(2, time.Millisecond, time.Second); p.rest != 2*leastRest {
		t.Errorf("beside a late model it rests %f", p.rest)
	}
	// a disk that is always slow is no load
	slow := &pace{}
	for range 5 {
		slow.learn(30*time.Millisecond, 0)
	}
	if slow.rest != 0 {
		t.Errorf("on a slow disk it rests %f", slow.rest)
	}
}

func TestAPaceEndsWithItsWork(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p := &pace{e: r.engine(), rest: mostRest, looked: time.Now().Add(time.Hour)}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.yield(ctx, time.Hour); err == nil {
		t.Error("it rested on")
	}
	var none *pace
	if err := none.yield(t.Context(), time.Hour); err != nil {
		t.Errorf("no pace at all: %v", err)
	}
	looking := &pace{e: p.e}
	if err := looking.yield(t.Context(), time.Second); err != nil || looking.calm == 0 {
		t.Errorf("a look saw a commit of %s, %v", looking.calm, err)
	}
}
