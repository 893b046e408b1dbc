package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/annals-io/annals/graphql/limit"
	"github.com/annals-io/annals/projections/read"
)

// setLimits declares the limits of GraphQL, each with the bounds between which it makes sense: below the least our own
// command line and explorer stop working, above the most one request can take the whole server.
func (f *serveFlags) setLimits(fs *pflag.FlagSet) {
	l, err := limit.Limits{}.Complete()
	if err != nil {
		panic(err) // the defaults are no limits: a fault of this program
	}
	f.limits = l
	numbers := []struct {
		name        string
		value       *int
		least, most int
		usage       string
	}{
		{"graphql-tokens", &f.limits.Tokens, 500, 100_000, "most tokens in a document"},
		{"graphql-selections", &f.limits.Selections, 50, 10_000, "most fields in one selection set"},
		{"graphql-fields", &f.limits.Fields, 500, 1_000_000, "most fields in an operation, fragments spelled out"},
		{"graphql-depth", &f.limits.Depth, 8, 50, "deepest nesting of fields"},
		{"graphql-aliases", &f.limits.Aliases, 10, 10_000, "most aliases in a document"},
		{"graphql-root-fields", &f.limits.RootFields, 1, 1_000, "most fields at the root of an operation"},
		{"graphql-cost", &f.limits.Complexity, 10_000, 100_000_000, "most that an operation costs: its fields, times the rows of the pages around them"},
		{"graphql-page", &f.limits.Page, 10, 5_000, "most rows in a page"},
		{"graphql-events", &f.limits.IngestEvents, 1, 10_000, "most events in one ingestRunEvents"},
		{"graphql-streams", &f.limits.Connections, 1, 100_000, "most open streams of one key: Server-Sent Events and WebSockets"},
		{"graphql-operations", &f.limits.Operations, 1, 10_000, "most operations at once on one WebSocket"},
		{"graphql-strangers", &f.limits.Strangers, 1, 100_000, "most open WebSockets whose connection_init is still to bring the key"},
	}
	for _, n := range numbers {
		fs.Var(&boundedInt{n.value, n.least, n.most}, n.name, n.usage)
		setting(fs, n.name)
	}
	fs.Var(&boundedSize{&f.limits.Body, 16 << 10, 64 << 20}, "graphql-body", "most `bytes` in a request's body")
	fs.Var(&boundedSize{&f.limits.URL, 1 << 10, 48 << 10}, "graphql-query-string", "most `bytes` in the query string of a GET")
	fs.Var(&boundedDuration{&f.limits.Timeout, 100 * time.Millisecond, time.Minute}, "graphql-timeout", "longest that a query or mutation takes")
	fs.Var(&boundedDuration{&f.limits.InitTimeout, 100 * time.Millisecond, time.Minute}, "graphql-init-timeout", "longest from opening a WebSocket to connection_init")
	f.lineageMemory = read.DefaultMemory
	fs.Var(&boundedSize{&f.lineageMemory, 0, 1 << 30}, "lineage-memory", "most `bytes` kept in memory of what walks of lineage read; 0 keeps nothing")
	setting(fs, "lineage-memory", "graphql-body", "graphql-query-string", "graphql-timeout", "graphql-init-timeout")
}

// boundedInt is a flag of a whole number between two others.
type boundedInt struct {
	value       *int
	least, most int
}

func (b *boundedInt) String() string {
	if b.value == nil { // pflag asks the zero flag
		return "0"
	}
	return strconv.Itoa(*b.value)
}
func (b *boundedInt) Type() string { return "int" }
func (b *boundedInt) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < b.least || n > b.most {
		return fmt.Errorf("it is a whole number of %s to %s", grouped(b.least), grouped(b.most))
	}
	*b.value = n
	return nil
}

// boundedDuration is a flag of a length of time between two others.
type boundedDuration struct {
	value       *time.Duration
	least, most time.Duration
}

func (b *boundedDuration) String() string {
	if b.value == nil {
		return "0s"
	}
	return b.value.String()
}
func (b *boundedDuration) Type() string { return "duration" }
func (b *boundedDuration) Set(s string) error {
	d, err := time.ParseDuration(s)
	if err != nil || d < b.least || d > b.most {
		return fmt.Errorf("it is a length of time of %s to %s, such as 10s", b.least, b.most)
	}
	*b.value = d
	return nil
}

// boundedSize is a flag of a number of bytes between two others: 1048576, 1024KiB or 1MiB.
type boundedSize struct {
	value       *int64
	least, most int64
}

func (b *boundedSize) String() string {
	if b.value == nil {
		return "0"
	}
	return writtenSize(*b.value)
}
func (b *boundedSize) Type() string { return "size" }
func (b *boundedSize) Set(s string) error {
	n, err := parsedSize(s)
	if err != nil || n < b.least || n > b.most {
		return fmt.Errorf("it is a number of bytes of %s to %s, such as 1048576, 1024KiB or 1MiB", writtenSize(b.least), writtenSize(b.most))
	}
	*b.value = n
	return nil
}

func parsedSize(s string) (int64, error) {
	unit := int64(1)
	for suffix, bytes := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20} {
		if number, ok := strings.CutSuffix(s, suffix); ok {
			s, unit = strings.TrimSpace(number), bytes
			break
		}
	}
	n, err := strconv.ParseInt(s, 10, 32) // 2 GiB of whatever unit: no product of it leaves an int64
	return n * unit, err
}

// writtenSize is what parsedSize reads, as short as it can be written.
func writtenSize(n int64) string {
	switch {
	case n > 0 && n%(1<<20) == 0:
		return fmt.Sprintf("%dMiB", n>>20)
	case n > 0 && n%(1<<10) == 0:
		return fmt.Sprintf("%dKiB", n>>10)
	}
	return strconv.FormatInt(n, 10)
}
