package rest

import (
	"net/http"
	"time"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/rest/openapi"
)

// A Promotion is a promotion of an artifact version from one workspace to another, as one of them knows it.
type Promotion struct {
	ID          string       `json:"id" doc:"Both sides have it."`
	Direction   Word         `json:"direction" enum:"sent,received" doc:"Which side this workspace is."`
	State       Word         `json:"state" enum:"open,received,refused" doc:"open: it was begun, and is carried on until it ends."`
	Code        *string      `json:"code" doc:"Why the other workspace refused it."`
	Reason      *string      `json:"reason" doc:"In the words of who promoted it."`
	Actor       Actor        `json:"actor"`
	RecordedAt  time.Time    `json:"recordedAt"`
	Version     *VersionName `json:"artifactVersion" doc:"The version that was sent from here, or received here."`
	Counterpart *Counterpart `json:"counterpart" doc:"The other side; null where it lies in a workspace that the caller cannot see, or is not known any more."`
	Hidden      bool         `json:"hidden" doc:"Whether the other side lies in a workspace that the caller cannot see."`
	Revision    int64        `json:"revision" doc:"Of its last change here."`
}

// Counterpart is the other side of a promotion.
type Counterpart struct {
	Workspace string       `json:"workspace"`
	Version   *VersionName `json:"artifactVersion" doc:"null while it has not been received."`
}

// A VersionName is what an artifact version is known by in its workspace.
type VersionName struct {
	ID       string       `json:"id"`
	Number   int          `json:"number" doc:"1, 2, 3 in order of arrival."`
	Name     *string      `json:"name" doc:"The name its producer gave it."`
	Artifact ArtifactName `json:"artifact"`
}

// An ArtifactName is what an artifact is called.
type ArtifactName struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// An ArtifactWish names an artifact in a request.
type ArtifactWish struct {
	Namespace string `json:"namespace" doc:"Native artifacts have none."`
	Name      string `json:"name"`
}

// A PromotionWish is the body of POST /v1/workspaces/{slug}/promotions.
type PromotionWish struct {
	Version  string        `json:"artifactVersion" doc:"The version: its global id, or NAMESPACE/NAME@VERSION."`
	To       string        `json:"to" doc:"The slug of the workspace that is to receive it."`
	Artifact *ArtifactWish `json:"artifact" doc:"The artifact that it is to be a version of there; the one of the same name when left out."`
	As       *string       `json:"version" doc:"What it is to be called there; what it is called here, or its number, when left out."`
	Reason   string        `json:"reason" doc:"Why: it is kept in the history of both workspaces."`
}

// Promoted is the answer to a promotion.
type Promoted struct {
	Promotion        *Promotion `json:"promotion" doc:"As the source knows it; null while it cannot be read yet."`
	Revision         int64      `json:"revision" doc:"Of the source: read it with atLeast=REVISION to see the promotion."`
	ReceivedRevision int64      `json:"receivedRevision" doc:"Of the target, once it has the version; -1 before."`
	Duplicate        bool       `json:"duplicate" doc:"The same request was carried out before, or the version was promoted there already."`
}

const (
	versionNameFields = `{ id number name artifact { namespace name } }`
	promotionFields   = `id direction state code reason actor { kind id name } recordedAt artifactVersion ` + versionNameFields + ` counterpart { workspace artifactVersion ` + versionNameFields + ` } hidden revision`

	promoteDocument = `mutation promote($input: PromoteArtifactVersionInput!) { done: promoteArtifactVersion(input: $input) {
	userErrors { message path code } revision duplicate receivedRevision promotion { ` + promotionFields + ` } } }`
)

func (a *API) promotionActions() []action {
	return []action{
		{openapi.Operation{
			Pattern: "GET /v1/workspaces/{slug}/promotions", ID: "listPromotions", Tag: "promotions", Summary: "List what was promoted out of a workspace and into it", Permission: string(domain.ReadWorkspace),
			Description: "The newest first.", Parameters: params(slugParam, one("direction", "Only those that it sent, or received.", openapi.Words("sent", "received")), asOfParam, atLeastParam, limitParam, cursorParam),
			Answers: []openapi.Answer{openapi.Says(http.StatusOK, "A page of them.", openapi.Of[Page[Promotion]]())}, Refuses: reading(http.StatusNotFound, http.StatusPreconditionFailed),
		}, access.Read, listPromotions},
		{openapi.Operation{
			Pattern: "POST /v1/workspaces/{slug}/promotions", ID: "promoteArtifactVersion", Tag: "promotions", Summary: "Promote an artifact version to another workspace", Permission: string(domain.PromoteArtifacts),
			Description: "Out of the workspace of the path. It takes the same permission in the other one. Both keep that it happened, and why. A promotion that is interrupted is carried on; promoting a version to where it was promoted before changes nothing.",
			Parameters:  params(slugParam, matchParam),
			Body:        openapi.Sends(openapi.Closed[PromotionWish](), map[string]any{"artifactVersion": "default/model@3", "to": "production", "reason": "It passed the evaluation."}),
			Answers:     []openapi.Answer{openapi.Says(http.StatusOK, "It was begun, and what became of it so far.", openapi.Of[Promoted]())},
			Refuses:     changing(http.StatusPreconditionFailed, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType),
		}, access.Write, promoteVersion},
	}
}

func listPromotions(c *call) (answer, error) {
	var direction any
	if d := c.words("direction"); d != nil {
		direction = d.([]string)[0]
	}
	found, err := ask[struct{ Promotions connection[Promotion] }](c, inWorkspaces, ", $direction: PromotionDirection",
		"promotions(direction: $direction, first: $first, after: $after) { nodes { "+promotionFields+" }"+pageFields+" }", map[string]any{"direction": direction})
	if err != nil {
		return answer{}, err
	}
	return found.Promotions.page(), nil
}

func promoteVersion(c *call) (answer, error) {
	var wish PromotionWish
	if err := c.decode(&wish); err != nil {
		return answer{}, err
	}
	meta, err := c.meta()
	if err != nil {
		return answer{}, err
	}
	input := map[string]any{"workspace": c.path("slug"), "artifactVersion": wish.Version, "to": wish.To, "artifact": wish.Artifact, "version": wish.As, "reason": wish.Reason, "meta": meta}
	var found struct {
		Done struct {
			written
			Promotion        *Promotion
			ReceivedRevision int64
		}
	}
	if err := c.ask(promoteDocument, map[string]any{"input": input}, &found); err != nil {
		return answer{}, err
	}
	if err := found.Done.refused(); err != nil {
		return answer{}, err
	}
	done := found.Done
	return answer{body: Promoted{done.Promotion, done.Revision, done.ReceivedRevision, done.Duplicate}}, nil
}
