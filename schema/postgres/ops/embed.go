// Package ops holds the SQL of the table behind package operations.
package ops

import "embed"

// Migrations are forward only and run in the order of their names.
//
//go:embed *.sql
var Migrations embed.FS
