package main

import "testing"

func TestGCPercent(t *testing.T) {
	t.Parallel()
	for alive, want := range map[uint64]int{
		0:         gcMost, // nothing was collected yet
		5 << 20:   gcMost,
		32 << 20:  gcMost,
		64 << 20:  150,
		80 << 20:  gcLike,
		200 << 20: gcLike,
		256 << 20: gcLike,
		4 << 30:   gcLike,
	} {
		if got := gcPercent(alive); got != want {
			t.Errorf("%d bytes alive: %d percent; want %d", alive, got, want)
		}
	}
}
