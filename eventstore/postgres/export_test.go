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
