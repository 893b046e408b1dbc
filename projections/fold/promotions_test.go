package fold_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
)

var firstPromotion, secondPromotion = uuid.UUID{15: 1}, uuid.UUID{15: 2}

// sentOver is a version that came with a promotion.
func sentOver(promotion uuid.UUID, artifact, version string) domain.ArtifactVersionReceived {
	in := io(artifact)
	in.Version, in.URI = version, "s3://models/"+version
	return domain.ArtifactVersionReceived{IO: in, Promotion: promotion, Origin: &domain.Text{Evidence: domain.Digest{9}}}
}

func TestReceivedVersionIsReadLikeOneThatWasWrittenHere(t *testing.T) {
	t.Parallel()
	s := newStory()
	named := io("model")
	named.Version = "3"
	s.reads(run("early", "j"), 1, 2, named)        // means one from outside, until the promotion
	s.reads(run("before", "j"), 1, 2, io("model")) // starts before it came
	s.says(5, sentOver(firstPromotion, "model", "3"))
	s.reads(run("latest", "j"), 6, 7, io("model"))
	s.writes(run("own", "j"), 8, 9, io("model"))
	s.reads(run("later", "j"), 10, 11, io("model"))
	s.says(12, domain.ArtifactVersionDeleted{Version: domain.VersionRef{Artifact: data("model"), Promotion: firstPromotion}})
	eachWay(t, s, nil, func(m *model) {
		m.want("what reads mean", `SELECT r.run_id, v.kind, coalesce(v.name, '') FROM read.lineage_edges e JOIN read.runs r ON r.key = e.execution JOIN read.artifact_versions v ON v.key = e.version WHERE e.direction = 0`,
			"before external ", "early received 3", "later produced ", "latest received 3")
		m.want("the version", `SELECT v.kind, v.outcome, v.completed_at, v.exists_now, v.deleted, d.uri, v.promotion::text FROM read.artifact_versions v JOIN read.version_details d ON d.key = v.key`,
			"received complete 5 true true s3://models/3 "+firstPromotion.String())
		m.want("the promotion", `SELECT p.direction, p.state, v.name, p.actor FROM read.promotions p JOIN read.artifact_versions v ON v.key = p.version`, "1 received 3 key:k1")
	})
}

func TestPromotionThatWasSentEnds(t *testing.T) {
	t.Parallel()
	writer := domain.Execution{Run: run("w", "j")}
	ref := domain.VersionRef{Artifact: data("model"), Producer: &writer, Attempt: 1}
	s := newStory()
	s.writes(writer.Run, 1, 2, io("model"))
	plan := &domain.Text{Evidence: domain.Digest{7}}
	s.because(3, "it is good", domain.ArtifactVersionSent{Version: ref, Promotion: firstPromotion, Plan: plan})
	s.says(4, domain.ArtifactVersionSent{Version: ref, Promotion: secondPromotion, Plan: plan})
	s.says(5, domain.ArtifactVersionPromoted{Version: ref, Promotion: firstPromotion})
	s.says(6, domain.ArtifactVersionPromotionRefused{Version: ref, Promotion: secondPromotion, Code: domain.Archived})
	s.says(7, domain.ArtifactVersionPromotionRefused{Version: ref, Promotion: firstPromotion, Code: domain.Gone}) // it had ended
	const columns = `substr(p.promotion::text, 36), p.direction, p.state, coalesce(p.code, ''), coalesce(p.reason, ''), p.since - p.began, v.kind`
	eachWay(t, s, nil, func(m *model) {
		m.want("promotions", `SELECT `+columns+` FROM read.promotions p JOIN read.artifact_versions v ON v.key = p.version`,
			"1 0 promoted  it is good 2 produced", "2 0 refused archived  2 produced")
		m.want("what was", `SELECT substr(p.promotion::text, 36), p.state, p.until - p.since FROM read.promotions_was p`, "1 open 2", "2 open 2")
		m.want("subjects", `SELECT a.type, a.subject = v.key FROM read.audit_entries a, read.artifact_versions v WHERE a.type LIKE 'artifact_version%'`,
			"artifact_version.promoted true", "artifact_version.promotion_refused true", "artifact_version.promotion_refused true", "artifact_version.sent true", "artifact_version.sent true")
	})
}

// A placeholder for a version that something refers to before it was received is that version.
func TestVersionThatIsReceivedLateIsTheOneThatWasReferredTo(t *testing.T) {
	t.Parallel()
	s := newStory()
	s.says(1, domain.ArtifactVersionAnnotated{Version: domain.VersionRef{Artifact: data("model"), Promotion: firstPromotion}, Tags: []domain.Tag{{Key: "checked"}}})
	s.says(2, sentOver(firstPromotion, "model", "3"))
	s.says(3, sentOver(secondPromotion, "model", "3")) // another version of the same name
	s.says(4, domain.WorkspaceWallSet{HidesCounts: true})
	eachWay(t, s, nil, func(m *model) {
		m.want("versions", `SELECT v.number, v.name, v.exists_now, count(t.entity) FROM read.artifact_versions v LEFT JOIN read.attributes t ON t.entity = v.key GROUP BY v.key, 1, 2, 3`,
			"1 3 true 1", "2 3 true 0")
		m.want("the wall", `SELECT hides_counts, since FROM read.workspaces`, "true 4")
	})
}
