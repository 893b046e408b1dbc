// Package limit keeps one GraphQL request from costing more than it should.
//
// [Limits] is the table of docs/limits.md. What a document may hold is measured once, right after parsing and before
// any validation, since validating is itself quadratic in the fields of a selection set: [Measure] counts fields with
// their fragments spelled out, without spelling them out. What an operation may ask for is checked by [Guard] with
// its variables at hand: its cost (fields times rows), the @oneOf rule that the parser does not apply to variables,
// and its time.
package limit

import (
	"cmp"
	"errors"
	"fmt"
	"time"
)

// Limits is the most of each thing a request may hold. A field left zero has its default; a request over a limit is
// refused whole, with the limit's name and both numbers.
type Limits struct {
	Tokens       int           // in a document; 5,000
	Selections   int           // fields in one selection set, fragments spelled out; 500
	Fields       int           // fields in an operation, fragments spelled out; 10,000
	Depth        int           // nesting of fields; 12. Introspection alone may go to 20
	Aliases      int           // in a document; 200
	RootFields   int           // of an operation; 20
	Complexity   int           // fields, times the rows of the pages around them; 200,000
	Page         int           // rows in a page; 500
	Body         int64         // bytes of a request's body; 1 MiB
	URL          int64         // bytes of a GET request's query string; 16 KiB
	IngestEvents int           // in one ingestRunEvents; 1,000
	Timeout      time.Duration // of a query or mutation; 10 s
	Connections  int           // open streams of one caller: Server-Sent Events and WebSockets; 100
	Strangers    int           // open WebSockets, of all callers, whose connection_init is still to say who they are; 200
	Operations   int           // at once on one WebSocket; 50
	InitTimeout  time.Duration // from opening a WebSocket to connection_init; 5 s
}

// Complete fills in the defaults and reports every limit that makes no sense.
func (l Limits) Complete() (Limits, error) {
	l.Tokens = cmp.Or(l.Tokens, 5_000)
	l.Selections = cmp.Or(l.Selections, 500)
	l.Fields = cmp.Or(l.Fields, 10_000)
	l.Depth = cmp.Or(l.Depth, 12)
	l.Aliases = cmp.Or(l.Aliases, 200)
	l.RootFields = cmp.Or(l.RootFields, 20)
	l.Complexity = cmp.Or(l.Complexity, 200_000)
	l.Page = cmp.Or(l.Page, 500)
	l.Body = cmp.Or(l.Body, 1<<20)
	l.URL = cmp.Or(l.URL, 16<<10)
	l.IngestEvents = cmp.Or(l.IngestEvents, 1_000)
	l.Timeout = cmp.Or(l.Timeout, 10*time.Second)
	l.Connections = cmp.Or(l.Connections, 100)
	l.Strangers = cmp.Or(l.Strangers, 200)
	l.Operations = cmp.Or(l.Operations, 50)
	l.InitTimeout = cmp.Or(l.InitTimeout, 5*time.Second)
	var faults []error
	for name, v := range map[string]int64{
		"Tokens": int64(l.Tokens), "Selections": int64(l.Selections), "Fields": int64(l.Fields), "Depth": int64(l.Depth),
		"Aliases": int64(l.Aliases), "RootFields": int64(l.RootFields), "Complexity": int64(l.Complexity),
		"Page": int64(l.Page), "Body": l.Body, "URL": l.URL, "IngestEvents": int64(l.IngestEvents),
		"Timeout": int64(l.Timeout), "Connections": int64(l.Connections), "Strangers": int64(l.Strangers), "Operations": int64(l.Operations),
		"InitTimeout": int64(l.InitTimeout),
	} {
		if v < 0 {
			faults = append(faults, fmt.Errorf("limit %s is %d; it cannot be negative", name, v))
		}
	}
	return l, errors.Join(faults...)
}

// introspectionDepth is how deep a query of nothing but the schema may go: the standard introspection query of
// clients is deeper than any honest data query.
const introspectionDepth = 20
