package read

// Each statement finds the neighbours of many nodes ($3) at once. Those of direction ($4) 0 were consumed, those of 1
// produced. $5 bounds the rows: a hub is read by the other statement below.
const (
	hopsFromVersionsSQL = `
SELECT version, execution, role, 0::bigint FROM read.lineage_edges
WHERE ws = $1 AND version = ANY($3) AND direction = $4 AND since <= $2
UNION ALL
SELECT version, execution, role, 0 FROM read.lineage_edges_was
WHERE ws = $1 AND version = ANY($3) AND direction = $4 AND since <= $2 AND until > $2
LIMIT $5`
	hopsFromExecutionsSQL = `
SELECT execution, version, role, 0::bigint FROM read.lineage_edges
WHERE ws = $1 AND execution = ANY($3) AND direction = $4 AND since <= $2
UNION ALL
SELECT execution, version, role, 0 FROM read.lineage_edges_was
WHERE ws = $1 AND execution = ANY($3) AND direction = $4 AND since <= $2 AND until > $2
LIMIT $5`
	hopsToSourcesSQL = `
SELECT target, source, '', pipeline FROM read.artifact_edges
WHERE ws = $1 AND target = ANY($3) AND $4::smallint IS NOT NULL AND since <= $2
UNION ALL
SELECT target, source, '', pipeline FROM read.artifact_edges_was
WHERE ws = $1 AND target = ANY($3) AND since <= $2 AND until > $2
LIMIT $5`
	hopsToTargetsSQL = `
SELECT source, target, '', pipeline FROM read.artifact_edges
WHERE ws = $1 AND source = ANY($3) AND $4::smallint IS NOT NULL AND since <= $2
UNION ALL
SELECT source, target, '', pipeline FROM read.artifact_edges_was
WHERE ws = $1 AND source = ANY($3) AND since <= $2 AND until > $2
LIMIT $5`
)

// Where there are hubs, the first neighbours of each node by key, $6 at most: the same ones whenever it is asked.
const (
	hubFromVersionsSQL = `
SELECT n.key, e.execution, e.role, 0::bigint FROM unnest($3::bigint[]) WITH ORDINALITY n (key, nth) CROSS JOIN LATERAL (
	(SELECT execution, role FROM read.lineage_edges
	WHERE ws = $1 AND version = n.key AND direction = $4 AND since <= $2 ORDER BY execution LIMIT $6)
	UNION ALL
	(SELECT execution, role FROM read.lineage_edges_was
	WHERE ws = $1 AND version = n.key AND direction = $4 AND since <= $2 AND until > $2 ORDER BY execution LIMIT $6)
	ORDER BY execution LIMIT $6) e
LIMIT $5`
	hubFromExecutionsSQL = `
SELECT n.key, e.version, e.role, 0::bigint FROM unnest($3::bigint[]) WITH ORDINALITY n (key, nth) CROSS JOIN LATERAL (
	(SELECT version, role FROM read.lineage_edges
	WHERE ws = $1 AND execution = n.key AND direction = $4 AND since <= $2 ORDER BY version LIMIT $6)
	UNION ALL
	(SELECT version, role FROM read.lineage_edges_was
	WHERE ws = $1 AND execution = n.key AND direction = $4 AND since <= $2 AND until > $2 ORDER BY version LIMIT $6)
	ORDER BY version LIMIT $6) e
LIMIT $5`
	hubToSourcesSQL = `
SELECT n.key, e.source, '', e.pipeline FROM unnest($3::bigint[]) WITH ORDINALITY n (key, nth) CROSS JOIN LATERAL (
	(SELECT source, pipeline FROM read.artifact_edges
	WHERE ws = $1 AND target = n.key AND $4::smallint IS NOT NULL AND since <= $2 ORDER BY source LIMIT $6)
	UNION ALL
	(SELECT source, pipeline FROM read.artifact_edges_was
	WHERE ws = $1 AND target = n.key AND since <= $2 AND until > $2 ORDER BY source LIMIT $6)
	ORDER BY source LIMIT $6) e
LIMIT $5`
	hubToTargetsSQL = `
SELECT n.key, e.target, '', e.pipeline FROM unnest($3::bigint[]) WITH ORDINALITY n (key, nth) CROSS JOIN LATERAL (
	(SELECT target, pipeline FROM read.artifact_edges
	WHERE ws = $1 AND source = n.key AND $4::smallint IS NOT NULL AND since <= $2 ORDER BY target LIMIT $6)
	UNION ALL
	(SELECT target, pipeline FROM read.artifact_edges_was
	WHERE ws = $1 AND source = n.key AND since <= $2 AND until > $2 ORDER BY target LIMIT $6)
	ORDER BY target LIMIT $6) e
LIMIT $5`
)

// What a walk remembers of nodes: their edges as they were at every moment up to its own. The last two columns are the
// revisions since and until which a row was true; until 0: it still is.
const (
	pastFromVersionsSQL = `
SELECT version, execution, role, 0::bigint, since, 0::bigint FROM read.lineage_edges
WHERE ws = $1 AND version = ANY($3) AND direction = $4 AND since <= $2
UNION ALL
SELECT version, execution, role, 0, since, until FROM read.lineage_edges_was
WHERE ws = $1 AND version = ANY($3) AND direction = $4 AND since <= $2
LIMIT $5`
	pastFromExecutionsSQL = `
SELECT execution, version, role, 0::bigint, since, 0::bigint FROM read.lineage_edges
WHERE ws = $1 AND execution = ANY($3) AND direction = $4 AND since <= $2
UNION ALL
SELECT execution, version, role, 0, since, until FROM read.lineage_edges_was
WHERE ws = $1 AND execution = ANY($3) AND direction = $4 AND since <= $2
LIMIT $5`
	pastToSourcesSQL = `
SELECT target, source, '', pipeline, since, 0::bigint FROM read.artifact_edges
WHERE ws = $1 AND target = ANY($3) AND $4::smallint IS NOT NULL AND since <= $2
UNION ALL
SELECT target, source, '', pipeline, since, until FROM read.artifact_edges_was
WHERE ws = $1 AND target = ANY($3) AND since <= $2
LIMIT $5`
	pastToTargetsSQL = `
SELECT source, target, '', pipeline, since, 0::bigint FROM read.artifact_edges
WHERE ws = $1 AND source = ANY($3) AND $4::smallint IS NOT NULL AND since <= $2
UNION ALL
SELECT source, target, '', pipeline, since, until FROM read.artifact_edges_was
WHERE ws = $1 AND source = ANY($3) AND since <= $2
LIMIT $5`
)
