// Package log holds the migrations of the event log. Files are applied once each, in the order of their names, and
// never changed after a release: the log is primary data, there is no way back.
package log

import "embed"

// Migrations are the files.
//
//go:embed *.sql
var Migrations embed.FS
