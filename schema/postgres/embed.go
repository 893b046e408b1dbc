// Package postgres holds the SQL of the Postgres schemas: the read model's tables, as they are created for each new
// model, and the wall around them. The log's migrations lie beside it.
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

// Roles makes the roles that questions are asked as, once in a cluster, and lets the server take them on. Tools are the
// functions that walls are put up with. Wall puts the policies on a model that is filled, and mends those that are not what
// they should be; it does nothing where they are. Places says which tables beside the models belong behind a wall, too, and
// makes the function that puts it up. All are for the owner to run, in this order, in a transaction in which the setting
// annals.server names the server's role, where that is another one; "read." is as above.
//
// FORCE holds the owner as well, who sees no row: a migration that changes rows of such a table, not its form alone, begins
// with ALTER TABLE ... NO FORCE ROW LEVEL SECURITY. The next start puts it back.
var (
	//go:embed read/roles.sql
	Roles string
	//go:embed read/tools.sql
	Tools string
	//go:embed read/wall.sql
	Wall string
	//go:embed read/places.sql
	Places string
)
