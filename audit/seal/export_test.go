package seal

import (
	"context"

	"github.com/google/uuid"
)

// Check is one that a sealer can be made without.
type Check = check

// The checks that a sealer can be made without.
const (
	Tenure         = tenure
	Signatures     = signatures
	LastCheckpoint = lastCheckpoint
	LastEvent      = lastEvent
	SealedEvents   = sealedEvents
	Memory         = memory
	Outsiders      = outsiders
	Ending         = ending
)

// Without leaves checks out.
func (s *Sealer) Without(c check) *Sealer {
	s.without = c
	return s
}

// Holder is the name of a sealer as a leaseholder.
func (s *Sealer) Holder() uuid.UUID { return s.lease.holder }

// Thin lets go of old checkpoints now.
func (s *Sealer) Thin(ctx context.Context) (int64, error) { return s.thin(ctx) }
