package access

import (
	"net/http"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/rest/openapi"
)

// Known tells an OpenAPI document the words of this package's types.
func Known(k openapi.Known) {
	openapi.Enum(k, AllScopes...)
	openapi.Enum(k, Kinds...)
}

// keyPage is the answer of GET /v1/keys.
type keyPage struct {
	Items      []shown `json:"items"`
	NextCursor *string `json:"nextCursor"`
	TotalCount int     `json:"totalCount"`
}

// madeKey is the answer of POST /v1/keys.
type madeKey struct {
	shown
	Key string `json:"key" doc:"The text of the key. It is shown this once and kept nowhere."`
}

// rotatedKey is the answer of POST /v1/keys/{id}/rotate.
type rotatedKey struct {
	madeKey
	Replaces shown `json:"replaces" doc:"The key as it is now: it ends when the overlap does."`
}

// Operations describes the routes of [Handler].
func (Handler) Operations() []openapi.Operation {
	id := openapi.Parameter{Name: "id", In: "path", Description: "The id of a key: its third part.", Shape: openapi.Text(), Example: "AbCdEfGhIjKl"}
	asks := func(name, description string, shape openapi.Shape) openapi.Parameter {
		return openapi.Parameter{Name: name, In: "query", Description: description, Shape: shape}
	}
	return []openapi.Operation{
		{
			Pattern: "GET /v1/keys", ID: "listKeys", Tag: "keys", Summary: "List API keys",
			Description: "The caller's own keys, the newest first, where nothing else is asked for. Their texts are not among what is shown: they are kept nowhere.",
			Parameters: []openapi.Parameter{
				asks("all", "true: also those that have expired or were revoked.", openapi.Flag()),
				asks("workspace", "Only those bound to this workspace: of everybody, where the caller manages its keys.", openapi.Text()),
				asks("serviceAccount", "Those of this service account, by its id, instead of the caller's.", openapi.Text()),
				asks("organization", "The organization of the service account; without it the caller's.", openapi.Text()),
				asks("everybody", "true: of everybody. For operators of the server.", openapi.Flag()),
				asks("kind", "Only those of this kind.", openapi.Of[Kind]()),
				asks("first", "Most keys in the answer; without it 500.", openapi.Number(1, mostKeys)),
				asks("after", "The nextCursor of the page before.", openapi.Text()),
			},
			Answers: []openapi.Answer{openapi.Says(http.StatusOK, "The keys.", openapi.Of[keyPage]())},
			Refuses: []int{http.StatusBadRequest, http.StatusNotFound},
		},
		{
			Pattern: "POST /v1/keys", ID: "createKey", Tag: "keys", Summary: "Create an API key",
			Description: "For the caller, or for a service account. A key never gets more than its maker has: neither scopes nor workspaces. One of a person always ends: after 90 days where nothing is said, after 366 at the latest.",
			Body:        openapi.Sends(openapi.Closed[wish](), map[string]any{"name": "CI", "scopes": []string{"ingest"}, "expiresIn": "720h"}),
			Answers:     []openapi.Answer{openapi.Says(http.StatusCreated, "The key, with its text.", openapi.Of[madeKey]())},
			Refuses:     []int{http.StatusBadRequest, http.StatusNotFound, http.StatusGone},
		},
		{
			Pattern: "GET /v1/keys/{id}", ID: "showKey", Tag: "keys", Summary: "Show an API key", Parameters: []openapi.Parameter{id},
			Answers: []openapi.Answer{openapi.Says(http.StatusOK, "The key.", openapi.Of[shown]())},
			Refuses: []int{http.StatusNotFound},
		},
		{
			Pattern: "DELETE /v1/keys/{id}", ID: "revokeKey", Tag: "keys", Summary: "Revoke an API key",
			Description: "It opens nothing any more, on this server at once and on every other within a tenth of a second; what streams to it ends. Doing it again changes nothing.",
			Parameters:  []openapi.Parameter{id},
			Answers:     []openapi.Answer{openapi.Says(http.StatusOK, "The key as it is now.", openapi.Of[shown]())},
			Refuses:     []int{http.StatusNotFound},
		},
		{
			Pattern: "POST /v1/keys/{id}/rotate", ID: "rotateKey", Tag: "keys", Summary: "Replace an API key by another",
			Description: "Its successor has the same rights. The key itself ends after the overlap, 24h where nothing is said. At most two keys of a line are live.",
			Parameters:  []openapi.Parameter{id},
			Body:        openapi.Sends(openapi.Closed[change](), map[string]any{"overlap": "24h"}),
			Answers:     []openapi.Answer{openapi.Says(http.StatusCreated, "The successor, with its text, and the key that it replaces.", openapi.Of[rotatedKey]())},
			Refuses:     []int{http.StatusBadRequest, http.StatusNotFound, http.StatusConflict},
		},
		{
			Pattern: "POST /v1/workspaces/{slug}/runs/{run}/token", ID: "mintRunToken", Tag: "keys", Summary: "Mint the token of a run", Permission: string(domain.WriteRuns),
			Description: "The token sends the events of that run and changes that run, and opens nothing else. It ends five minutes after the run does, at once when the run or its workspace is deleted, and after its own time in any case: 24h where nothing is said, 720h at most.",
			Parameters: []openapi.Parameter{
				{Name: "slug", In: "path", Description: "The workspace.", Shape: openapi.Text(), Example: "default"},
				{Name: "run", In: "path", Description: "The id of the run, as its producer has it.", Shape: openapi.Text(), Example: "nightly-7"},
			},
			Body:    openapi.Sends(openapi.Closed[tokenWish](), map[string]any{"expiresIn": "12h"}),
			Answers: []openapi.Answer{openapi.Says(http.StatusCreated, "The token, as a key of kind run.", openapi.Of[madeKey]())},
			Refuses: []int{http.StatusBadRequest, http.StatusNotFound, http.StatusConflict, http.StatusGone},
		},
	}
}
