// Package access holds the SQL of the tables behind package access.
package access

import "embed"

// Migrations are forward only and run in the order of their names.
//
//go:embed *.sql
var Migrations embed.FS
