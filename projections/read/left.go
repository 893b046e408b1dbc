package read

// What a run is part of may change: its pipeline, and the run it is nested in. The current rows say where runs are
// now, and runs_left which places they ever left. Both together name whatever was at a place at any moment; whether it
// was is asked of the row of the moment.

// runsAt is a query for the keys of the runs that were at a place (SQL) at the moment, newest first: column is pipeline
// or parent, condition one on their rows v, and last and limit bound the keys (SQL).
func runsAt(column, place, condition, last, limit string) string {
	part := func(from, key string) string {
		return `(SELECT ` + key + ` AS key FROM ` + from + ` CROSS JOIN LATERAL (` + rowAt("runs", column+", deleted", "x.key = "+key) + `) v
		WHERE u.ws = $1 AND ` + key + ` <= ` + last + ` AND v.` + column + ` = ` + place + condition
	}
	tail := func(key string) string { return ` ORDER BY ` + key + ` DESC LIMIT ` + limit + `)` }
	return `SELECT key FROM (
		` + part("read.runs u", "u.key") + ` AND u.` + column + ` = ` + place + tail("u.key") + `
		UNION
		` + part("read.runs_left u", "u.run") + ` AND u.place = ` + place + tail("u.run") + `) c ORDER BY key DESC LIMIT ` + limit
}

// everNested is a query for the keys of all runs that are or were nested in one (SQL), up to the key last (SQL). One
// that came back is named twice.
func everNested(parent, last string) string {
	return `SELECT key FROM read.runs WHERE ws = $1 AND parent = ` + parent + ` AND key <= ` + last + `
		UNION ALL SELECT run FROM read.runs_left WHERE ws = $1 AND place = ` + parent + ` AND run <= ` + last
}
