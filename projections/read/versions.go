package read

import (
	"context"
	"encoding/json"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// A Version is a version of an artifact at a moment.
type Version struct {
	Key         int64
	Since       domain.Revision // of its last change
	Artifact    int64           // the canonical one
	NamedAs     int64           // the artifact under whose name it was written
	Number      int             // 1, 2, 3 on arrival
	Name        string          // the producer's
	Producer    int64           // execution; 0: none is known
	Attempt     int
	Kind        string // produced, observed, external, received
	Outcome     string // complete, failed, unfinished
	CompletedAt time.Time
	Exists      bool // false: an external version that no read means any more, or a write that moved
	Deleted     bool
	DeletedAt   time.Time // event time
	Reason      string    // of its deletion
	Promotion   uuid.UUID // that it came with; zero: none
}

const versionColumns = `key, since, artifact, named_as, number, name, producer, attempt, kind, outcome, completed_at, exists_now, deleted, deleted_at, reason, promotion`

func scanVersion(row pgx.CollectableRow) (Version, error) {
	var v Version
	err := row.Scan(&v.Key, &v.Since, &v.Artifact, &v.NamedAs, &v.Number, (*zeronull.Text)(&v.Name), (*zeronull.Int8)(&v.Producer), (*zeroInt)(&v.Attempt),
		&v.Kind, &v.Outcome, (*zeronull.Timestamptz)(&v.CompletedAt), &v.Exists, &v.Deleted, (*zeronull.Timestamptz)(&v.DeletedAt), (*zeronull.Text)(&v.Reason), (*zeronull.UUID)(&v.Promotion))
	return v, err
}

var versionsByKeySQL = byKeys("artifact_versions", versionColumns)

// VersionsByKey reads versions of artifacts, deleted ones too, in no order; missing ones are left out.
func (d *DB) VersionsByKey(ctx context.Context, m Moment, keys []int64) ([]Version, error) {
	return list(ctx, d, m, "read versions", versionsByKeySQL, scanVersion, keys)
}

// A VersionDetail is what is wide about a version.
type VersionDetail struct {
	Key       int64
	Type      string
	URI       string
	SizeBytes *int64
	Digest    string // as the producer computes it
	Lifecycle string
	Schema    json.RawMessage // []domain.Field
}

var versionDetailsSQL = byKeys("version_details", "key, type, uri, size_bytes, digest, lifecycle, schema")

// VersionDetails reads the details of versions, by key; a version without any is left out.
func (d *DB) VersionDetails(ctx context.Context, m Moment, versions []int64) (map[int64]VersionDetail, error) {
	found, err := list(ctx, d, m, "read details of versions", versionDetailsSQL, func(row pgx.CollectableRow) (VersionDetail, error) {
		var v VersionDetail
		err := row.Scan(&v.Key, (*zeronull.Text)(&v.Type), (*zeronull.Text)(&v.URI), &v.SizeBytes, (*zeronull.Text)(&v.Digest), (*zeronull.Text)(&v.Lifecycle), &v.Schema)
		return v, err
	}, versions)
	return byKey(found, func(v VersionDetail) int64 { return v.Key }), err
}

// fromVersions are the versions of the artifact with that key (SQL) that exist at the moment and were not deleted.
func fromVersions(artifact string) string {
	return ` FROM read.artifact_versions k
CROSS JOIN LATERAL (` + rowAt("artifact_versions", versionColumns, "x.key = k.key") + `) r
WHERE k.ws = $1 AND k.key < ($2 + 1) * 1024 AND k.artifact = ` + canonicalNow(artifact) + `
AND r.artifact = ` + canonicalAt(artifact) + ` AND r.exists_now AND NOT r.deleted`
}

// Versions reads a page of the versions of an artifact, whatever name it goes by, newest first.
func (d *DB) Versions(ctx context.Context, m Moment, artifact int64, p Page) (List[Version], error) {
	b := bindsOf(m)
	keyset, order := keyPage(p, &b, "k.key", true)
	text := `SELECT ` + columns("r", versionColumns) + fromVersions(b.of(artifact)+"::bigint") + " AND " + keyset + " ORDER BY " + order + " LIMIT " + b.of(p.limit()+1)
	rows, err := ask(ctx, d, m, "list versions of an artifact", text, b, scanVersion)
	return pageOf(p, sortedByKey(rows, func(v Version) int64 { return v.Key })), err
}

// CountVersions counts the versions of an artifact; it stops at most + 1.
func (d *DB) CountVersions(ctx context.Context, m Moment, artifact int64, most int) (int, error) {
	b := bindsOf(m)
	text := `SELECT` + fromVersions(b.of(artifact)+"::bigint")
	return count(ctx, d, m, "count versions of an artifact", text, b, most)
}

// versionNamedSQL finds versions by the name that they have now, and had at the moment; and by the name that they had
// then and have no more.
var versionNamedSQL = `SELECT ` + columns("r", versionColumns) + ` FROM (
	SELECT ` + columns("r", versionColumns) + fromVersions("$3") + `
	AND ($4 = 0 OR r.number = $4) AND ($5 = '' OR k.name_hash = hashtextextended($5, 0) AND r.name = $5)
	UNION ALL
	SELECT ` + columns("w", versionColumns) + ` FROM read.artifact_versions_was w
	WHERE w.ws = $1 AND $5 <> '' AND w.artifact = ` + canonicalAt("$3") + ` AND w.name_hash = hashtextextended($5, 0) AND w.name = $5
	AND ($4 = 0 OR w.number = $4) AND w.since <= $2 AND w.until > $2 AND w.exists_now AND NOT w.deleted) r
ORDER BY r.outcome = 'complete' DESC, r.completed_at DESC NULLS LAST, r.key DESC LIMIT 1`

// VersionNamed reads the version of an artifact with that number (above 0) or that producer's name, or the latest
// where neither is given: the one completed last, else the newest. Of several with one name it is the same. ok is
// false where there is none.
func (d *DB) VersionNamed(ctx context.Context, m Moment, artifact int64, number int, name string) (v Version, ok bool, err error) {
	if number <= 0 && name == "" {
		found, err := d.ArtifactsByKey(ctx, m, []int64{artifact})
		if err != nil || len(found) == 0 || found[0].Latest == 0 {
			return v, false, err
		}
		latest, err := d.VersionsByKey(ctx, m, []int64{found[0].Latest})
		if err != nil || len(latest) == 0 {
			return v, false, err
		}
		return latest[0], true, nil
	}
	found, err := list(ctx, d, m, "find a version", versionNamedSQL, scanVersion, artifact, number, name)
	if err != nil || len(found) == 0 {
		return v, false, err
	}
	return found[0], true, nil
}
