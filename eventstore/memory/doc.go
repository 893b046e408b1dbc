// Package memory keeps the log in the memory of one process, for tests and examples. It stores encoded bytes, like
// the other backends: what comes out was decoded from what went in, so that no test passes on shared pointers.
package memory
