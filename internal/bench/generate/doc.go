// Package generate makes events for benchmarks and demonstrations: seeded, so that a run can be repeated, and skewed
// as real ones are. A few pipelines run most of the time, a few artifacts are read by most pipelines, graphs are
// shallow and wide, an event has about 3 KB with facets growing by columns, and one run in twenty fails.
package generate
