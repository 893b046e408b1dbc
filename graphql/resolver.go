package graphql

import "github.com/annals-io/annals/graphql/limit"

// maxLineageNodes and maxLineageDepth bound a walk, whatever is asked for.
const (
	maxLineageNodes = 10_000
	maxLineageDepth = 50
)

// A Resolver answers every field of the schema that is not a column of a row.
type Resolver struct {
	limits limit.Limits
}
