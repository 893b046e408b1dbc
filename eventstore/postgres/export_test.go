package postgres

// The statements whose plans are tested.
const (
	EntitiesSQL = entitiesSQL
	ForwardSQL  = forwardSQL
	BackwardSQL = backwardSQL
	AllSQL      = allSQL
	CommandsSQL = commandsSQL
	EvidenceSQL = evidenceSQL
)

// CopyFrom has transactions of so many events go by COPY.
func (s *Store) CopyFrom(events int) { s.worth = events }
