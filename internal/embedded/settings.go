package embedded

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

const (
	mebibyte = 1 << 20
	gibibyte = 1 << 30
)

// tuned are the settings of a server that shares a small machine with Annals: durable first, then fit for
// group commits, bulk rebuilds and short indexed queries. memory is that of the machine in bytes.
func tuned(memory uint64) map[string]string {
	if memory == 0 {
		memory = 4 * gibibyte
	}
	return map[string]string{
		"fsync":              "on",
		"synchronous_commit": "on",
		"full_page_writes":   "on",
		"wal_level":          "replica",

		"max_connections":         "100",
		"shared_buffers":          megabytes(min(max(memory/16, 128*mebibyte), 1*gibibyte)),
		"effective_cache_size":    megabytes(max(memory/2, 256*mebibyte)),
		"work_mem":                "16MB",
		"maintenance_work_mem":    megabytes(min(max(memory/32, 64*mebibyte), 512*mebibyte)),
		"wal_buffers":             "16MB",
		"max_wal_size":            "4GB",
		"min_wal_size":            "256MB",
		"checkpoint_timeout":      "15min",
		"random_page_cost":        "1.1", // nobody runs this on a spinning disk
		"jit":                     "off", // compiling costs more than any query of ours
		"track_io_timing":         "on",
		"client_min_messages":     "warning",
		"autovacuum_naptime":      "15s",
		"max_parallel_workers":    "4",
		"max_worker_processes":    "8",
		"timezone":                "UTC",
		"log_timezone":            "UTC",
		"lc_messages":             "C",
		"logging_collector":       "off", // stderr is a file that we keep small
		"log_line_prefix":         "%m [%p] %q%u@%d ",
		"log_error_verbosity":     "terse", // details quote rows; those may be secret
		"log_min_error_statement": "panic",
		"log_checkpoints":         "off",
		"password_encryption":     "scram-sha-256",
		// A client that was killed frees its session and locks soon, even in the middle of a statement.
		"client_connection_check_interval": "1s",
	}
}

func megabytes(bytes uint64) string { return fmt.Sprintf("%dMB", bytes/mebibyte) }

// configuration renders ours, then the caller's, as a file for postgresql.conf to include.
func configuration(ours, theirs map[string]string) string {
	all := maps.Clone(ours)
	maps.Copy(all, theirs)
	var b strings.Builder
	b.WriteString("# Written by annals at every start. What you add to local.conf beside it wins.\n")
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "%s = '%s'\n", name, strings.ReplaceAll(all[name], "'", "''"))
	}
	return b.String()
}
