package erasure

import (
	"net/http"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/rest/openapi"
)

const tells = " It is counted first (dryRun), and confirmed by saying the subject once more. What was erased before is answered so, and nothing is done. " +
	"Events stay, and so do proofs: what is gone reads as erased at every moment."

// Operations describes the routes of [Handler].
func (Handler) Operations() []openapi.Operation {
	outcome := openapi.Says(http.StatusOK, "What it came to, or would come to.", openapi.Of[Outcome]())
	refuses := []int{http.StatusBadRequest, http.StatusNotFound, http.StatusUnsupportedMediaType}
	return []openapi.Operation{
		{
			Pattern: "POST /v1/workspaces/{slug}/erasures", ID: "eraseInWorkspace", Tag: "erasure", Summary: "Erase texts or a raw body", Permission: string(domain.DeleteWorkspaces),
			Description: "The free texts of workspace, pipeline:NAME, run:NAME, artifact:NAME or role:NAME; the raw body that event:REVISION came with; whom invitation:ID was meant for." + tells,
			Parameters:  []openapi.Parameter{{Name: "slug", In: "path", Description: "The workspace.", Shape: openapi.Text(), Example: "default"}},
			Body:        openapi.Sends(openapi.Closed[erasureRequest](), map[string]any{"subject": "workspace", "dryRun": true}),
			Answers:     []openapi.Answer{outcome}, Refuses: refuses,
		},
		{
			Pattern: "POST /v1/organizations/{org}/erasures", ID: "eraseInOrganization", Tag: "erasure", Summary: "Erase texts of an organization", Permission: string(domain.DeleteOrganizations),
			Description: "The description of organization, role:NAME, team:NAME or service-account:ID; whom invitation:ID was meant for." + tells,
			Parameters:  []openapi.Parameter{{Name: "org", In: "path", Description: "The organization.", Shape: openapi.Text(), Example: "personal"}},
			Body:        openapi.Sends(openapi.Closed[erasureRequest](), map[string]any{"subject": "organization", "dryRun": true}),
			Answers:     []openapi.Answer{outcome}, Refuses: refuses,
		},
		{
			Pattern: "POST /v1/accounts/{id}/erasure", ID: "erasePerson", Tag: "erasure", Summary: "Erase a person",
			Description: "Their name, how they sign in, their e-mail address, sessions, identities elsewhere and the names of their keys; they are shut out for good. For operators of the server, and for the person themself." + tells,
			Parameters:  []openapi.Parameter{{Name: "id", In: "path", Description: "The id of the account, or, for operators, the name that the person signs in with.", Shape: openapi.Text(), Example: "00000000-0000-4000-8000-0000000000aa"}},
			Body:        openapi.Sends(openapi.Closed[erasureRequest](), map[string]any{"dryRun": true}),
			Answers:     []openapi.Answer{outcome}, Refuses: append(refuses, http.StatusForbidden),
		},
	}
}
