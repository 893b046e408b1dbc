// Package postgres holds the SQL of the Postgres schemas: the read model's tables, as they are created for each new
// model. The log's migrations lie beside it.
package postgres

import _ "embed"

// ReadTables creates an empty read model; FoldIndexes are what projecting needs, Indexes what queries need besides.
// Every "read." in them is replaced by the schema of the model.
var (
	//go:embed read/tables.sql
	ReadTables string
	//go:embed read/fold_indexes.sql
	FoldIndexes string
	//go:embed read/indexes.sql
	Indexes string
)
