package read

// What changed of nodes ($3) after a revision ($4); of edges, those of a direction ($5). Edges that ended count.
const (
	newFromVersionsSQL = `
SELECT version FROM read.lineage_edges
WHERE ws = $1 AND $2::bigint IS NOT NULL AND version = ANY($3) AND direction = $5 AND since > $4
UNION
SELECT version FROM read.lineage_edges_was
WHERE ws = $1 AND version = ANY($3) AND direction = $5 AND until > $4`
	newFromExecutionsSQL = `
SELECT execution FROM read.lineage_edges
WHERE ws = $1 AND $2::bigint IS NOT NULL AND execution = ANY($3) AND direction = $5 AND since > $4
UNION
SELECT execution FROM read.lineage_edges_was
WHERE ws = $1 AND execution = ANY($3) AND direction = $5 AND until > $4`
	newSourcesSQL = `
SELECT target FROM read.artifact_edges
WHERE ws = $1 AND $2::bigint IS NOT NULL AND target = ANY($3) AND $5::smallint IS NOT NULL AND since > $4
UNION
SELECT target FROM read.artifact_edges_was WHERE ws = $1 AND target = ANY($3) AND until > $4`
	newTargetsSQL = `
SELECT source FROM read.artifact_edges
WHERE ws = $1 AND $2::bigint IS NOT NULL AND source = ANY($3) AND $5::smallint IS NOT NULL AND since > $4
UNION
SELECT source FROM read.artifact_edges_was WHERE ws = $1 AND source = ANY($3) AND until > $4`
	newVersionFactsSQL = `
SELECT key FROM read.artifact_versions WHERE ws = $1 AND $2::bigint IS NOT NULL AND key = ANY($3) AND since > $4`
	newArtifactFactsSQL = `
SELECT key FROM read.artifacts WHERE ws = $1 AND $2::bigint IS NOT NULL AND key = ANY($3) AND since > $4`
	newExecutionFactsSQL = `
SELECT key FROM read.runs WHERE ws = $1 AND $2::bigint IS NOT NULL AND key = ANY($3) AND since > $4
UNION ALL
SELECT key FROM read.steps WHERE ws = $1 AND key = ANY($3) AND since > $4
UNION ALL
SELECT key FROM read.run_details WHERE ws = $1 AND key = ANY($3) AND since > $4`
)

// factsNews are the statements about facts, by side.
var factsNews = [sides]string{execution: newExecutionFactsSQL, version: newVersionFactsSQL, artifact: newArtifactFactsSQL}
