// Package bench measures the budgets of Annals, each beside its ceiling: what the same machine can do at most with
// the same rows, in the same run. A figure without its ceiling says more about the machine than about the program.
//
// [Run] starts a PostgreSQL of its own, with fsync on and the same settings as `annals serve`, and prints one table:
// figure, ceiling, ratio, budget, met or missed. What goes over HTTP is measured against a server that is a process
// of its own, with the load generator beside it: the two cores are shared, as they are for a user.
//
// Data is made by package generate and by SQL, seeded and skewed as real ones are.
package bench
