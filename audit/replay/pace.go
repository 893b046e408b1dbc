package replay

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Clock is what waits. [Wall] is the one there is; tests have others.
type Clock interface {
	// Now is the time.
	Now() time.Time
	// Sleep waits until that much time has passed, or ctx ends: then it answers why.
	Sleep(ctx context.Context, d time.Duration) error
}

// Wall is the clock on the wall.
type Wall struct{}

// Now is the time.
func (Wall) Now() time.Time { return time.Now() }

// Sleep waits.
func (Wall) Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Max is the speed at which nothing is waited for.
const Max = 0

// The speeds that can be meant, and how they are written: a thousandth of what it was, and a year in a third of a second.
const (
	slowest = 0.001
	fastest = 1e8
	between = "0.001 to 100,000,000"
)

// ParseSpeed reads a speed: "max", "10x", "0.5x" or "1x", which is as it happened.
func ParseSpeed(text string) (float64, error) {
	if text == "max" {
		return Max, nil
	}
	number, times := strings.CutSuffix(text, "x")
	n, err := strconv.ParseFloat(number, 64)
	if !times || err != nil || !(n >= slowest && n <= fastest) {
		return 0, fmt.Errorf("%q is no speed: write max, or 10x for ten times as fast as it happened (%s)", text, between)
	}
	return n, nil
}

// CheckSpeed refuses what is no speed above [Max].
func CheckSpeed(n float64) (float64, error) {
	if !(n >= slowest && n <= fastest) {
		return 0, fmt.Errorf("%g is no speed: %s", n, between)
	}
	return n, nil
}

// A Pace holds events back until they are due: the time between two events is the recorded one, divided by the speed. It
// counts from the first event, so that what was late once does not make all later ones late. The zero speed is [Max].
type Pace struct {
	Speed float64
	Clock Clock

	began time.Time // by the clock
	first time.Time // recorded
}

// Due waits until an event that was recorded at that time is due. Its error is why ctx ended.
func (p *Pace) Due(ctx context.Context, recorded time.Time) error {
	if p.Speed == Max {
		return ctx.Err()
	}
	if p.began.IsZero() {
		p.began, p.first = p.Clock.Now(), recorded
		return ctx.Err()
	}
	wait := p.Left(recorded)
	if wait <= 0 {
		return ctx.Err()
	}
	return p.Clock.Sleep(ctx, wait)
}

// Left is how long it is until an event is due; not above zero: it is.
func (p *Pace) Left(recorded time.Time) time.Duration {
	if p.Speed == Max || p.began.IsZero() {
		return 0
	}
	due := float64(recorded.Sub(p.first)) / p.Speed
	const longest = float64(1<<62 - 1)
	return time.Duration(min(due, longest)) - p.Clock.Now().Sub(p.began)
}
