package read

import (
	"context"
	"encoding/json"

	"github.com/annals-io/annals/domain"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// An Artifact is an artifact at a moment.
type Artifact struct {
	Key         int64
	Since       domain.Revision // of its last change
	Namespace   string
	Name        string
	Type        string
	Canonical   int64 // itself, or the artifact it is another name of
	Description *domain.Text
	Lifecycle   string          // last change of its life that was reported: CREATE, DROP, ...
	Schema      json.RawMessage // []domain.Field, the last one said of it
	Deleted     bool
	Reason      string // of its deletion
	// Only lists, ArtifactsByKey and ArtifactsNamed know these two.
	Latest       int64 // its newest complete version, else its newest; 0: none
	LastProducer int64 // the execution that wrote that; 0: none
}

// FullName is namespace and name.
func (a Artifact) FullName() domain.Name { return domain.Name{Namespace: a.Namespace, Name: a.Name} }

const artifactColumns = `key, since, namespace, name, type, canonical, description, description_at, lifecycle, schema, deleted, reason`

func scanArtifact(row pgx.CollectableRow) (Artifact, error) {
	var a Artifact
	var t textRef
	err := row.Scan(&a.Key, &a.Since, &a.Namespace, &a.Name, (*zeronull.Text)(&a.Type), &a.Canonical, &t.digest, (*zeronull.Text)(&t.pointer),
		(*zeronull.Text)(&a.Lifecycle), &a.Schema, &a.Deleted, (*zeronull.Text)(&a.Reason), (*zeronull.Int8)(&a.Latest), (*zeronull.Int8)(&a.LastProducer))
	a.Description = t.text()
	return a, err
}

// latestVersion is the newest version of the artifact k with an outcome (a condition on v). Versions lie with the
// artifact that is canonical now; of the moment are those that lay with the one that was.
func latestVersion(outcome string) string {
	return `(SELECT u.key, v.producer FROM read.artifact_versions u
		CROSS JOIN LATERAL (` + rowAt("artifact_versions", "artifact, producer, outcome, exists_now, deleted", "x.key = u.key") + `) v
		WHERE u.ws = $1 AND u.artifact = ` + canonicalNow("k.key") + ` AND u.key < ($2 + 1) * 1024
		AND v.artifact = r.canonical AND v.exists_now AND NOT v.deleted` + outcome + ` ORDER BY u.key DESC LIMIT 1)`
}

var artifactList = nameList{
	kind: domain.KindArtifact, table: "artifacts", columns: artifactColumns, joins: "canonical", more: ", l.producer",
	latest: `SELECT * FROM (` + latestVersion(" AND v.outcome = 'complete'") + ` UNION ALL ` + latestVersion("") + ` LIMIT 1) w`,
	next:   `SELECT u.artifact AS thing FROM read.artifact_versions u WHERE u.ws = $1 AND u.artifact > %[1]s ORDER BY u.artifact LIMIT 1`,
	recent: `SELECT artifact AS thing, key FROM read.artifact_versions WHERE ws = $1 AND key <= %[1]s ORDER BY key DESC LIMIT %[2]d`,
}

var artifactsByKeySQL = `
SELECT ` + columns("r", artifactColumns) + `, l.key, l.producer FROM unnest($3::bigint[]) k (key)` + artifactList.joined("LEFT JOIN LATERAL", " ON true")

// ArtifactsByKey reads artifacts, deleted ones too, in no order; missing ones are left out.
func (d *DB) ArtifactsByKey(ctx context.Context, m Moment, keys []int64) ([]Artifact, error) {
	return list(ctx, d, m, "read artifacts", artifactsByKeySQL, scanArtifact, keys)
}

var artifactsNamedSQL = `
SELECT ` + columns("r", artifactColumns) + `, l.key, l.producer FROM unnest($3::text[], $4::text[]) n (namespace, name)
JOIN read.artifacts k ON k.ws = $1 AND k.name_first = left(n.name, 200) AND k.name = n.name AND (n.namespace IS NULL OR k.namespace = n.namespace)` +
	artifactList.joined("LEFT JOIN LATERAL", " ON true") + `
WHERE NOT r.deleted ORDER BY k.key LIMIT $5`

// ArtifactsNamed reads the artifacts that one of the names means, by key. An alias is an artifact of its own with
// another canonical one.
func (d *DB) ArtifactsNamed(ctx context.Context, m Moment, names []NameRef, limit int) ([]Artifact, error) {
	namespaces, bare := split(names)
	found, err := list(ctx, d, m, "find artifacts by name", artifactsNamedSQL, scanArtifact, namespaces, bare, limit)
	return distinct(found, func(a Artifact) int64 { return a.Key }), err
}

// Artifacts reads a page of artifacts, other names among them.
func (d *DB) Artifacts(ctx context.Context, m Moment, q NameQuery) (List[Artifact], error) {
	return listNames(ctx, d, m, artifactList, q, scanArtifact, func(a Artifact) Mark { return nameMark(q.Order, a.Key, a.Latest, a.Namespace, a.Name) })
}

// CountArtifacts counts the artifacts that fit; it stops at most + 1.
func (d *DB) CountArtifacts(ctx context.Context, m Moment, q NameQuery, most int) (int, error) {
	return countNames(ctx, d, m, artifactList, q, most)
}

// An Alias is another name of an artifact.
type Alias struct {
	Of        int64 // the canonical artifact
	Artifact  int64 // that has the name
	Namespace string
	Name      string
	Type      string
}

var aliasesSQL = `
SELECT r.canonical, k.key, k.namespace, k.name, coalesce((SELECT min(s.type) FROM read.aliases s WHERE s.ws = $1 AND s.since <= $2 AND (s.alias = k.key OR s.artifact = k.key)), '')
FROM (SELECT DISTINCT c.canonical FROM read.artifacts c WHERE c.ws = $1 AND c.key = ANY($3)) c
JOIN read.artifacts k ON k.ws = $1 AND k.canonical = c.canonical AND k.key <= $4
CROSS JOIN LATERAL (` + rowAt("artifacts", "canonical, deleted", "x.key = k.key") + `) r
WHERE r.canonical = ANY($3) AND r.canonical <> k.key AND NOT r.deleted ORDER BY 1, 3, 4`

// Aliases reads the other names of canonical artifacts, by key of the canonical one.
func (d *DB) Aliases(ctx context.Context, m Moment, artifacts []int64) (map[int64][]Alias, error) {
	found, err := list(ctx, d, m, "read aliases of artifacts", aliasesSQL, func(row pgx.CollectableRow) (Alias, error) {
		var a Alias
		err := row.Scan(&a.Of, &a.Artifact, &a.Namespace, &a.Name, &a.Type)
		return a, err
	}, artifacts, lastKey(m.Revision))
	return group(found, func(a Alias) int64 { return a.Of }), err
}

// Neighbours are the artifacts that one was made from (upwards) or that were made from it, in the order of keys.
func (d *DB) Neighbours(ctx context.Context, m Moment, artifactKey int64, upwards bool, limit int) ([]int64, error) {
	to := down
	if upwards {
		to = up
	}
	canonical, err := list(ctx, d, m, "find the canonical artifact", rootArtifactSQL, pgx.RowTo[*int64], artifactKey)
	if err != nil || len(canonical) == 0 || canonical[0] == nil {
		return nil, err
	}
	hops, _, _, err := d.hops(ctx, m, artifact, to, []int64{*canonical[0]}, 20*limit)
	keys := make([]int64, 0, len(hops))
	for _, h := range hops {
		if n := len(keys); (n == 0 || keys[n-1] != h.to) && n < limit {
			keys = append(keys, h.to)
		}
	}
	return keys, err
}
