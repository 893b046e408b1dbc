// Package projections holds the migrations of what projecting keeps besides the read models: which models there are,
// the numbers of workspaces, the leases, and the decision states. Files are applied once each, in the order of their
// names, and never changed after a release.
package projections

import "embed"

// Migrations are the files.
//
//go:embed *.sql
var Migrations embed.FS
