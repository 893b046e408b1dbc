// Package audit holds the migrations of the tables that seal history: trees, their tiles, and signed checkpoints. Files
// are applied once each, in the order of their names, and never changed after a release.
package audit

import "embed"

// Migrations are the files.
//
//go:embed *.sql
var Migrations embed.FS
