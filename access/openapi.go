package access

import (
	"net/http"

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

// Operations describes the routes of [Handler].
func (Handler) Operations() []openapi.Operation {
	id := openapi.Parameter{Name: "id", In: "path", Description: "The id of a key: its third part.", Shape: openapi.Text(), Example: "AbCdEfGhIjKl"}
	return []openapi.Operation{
		{
			Pattern: "GET /v1/keys", ID: "listKeys", Tag: "keys", Summary: "List API keys",
			Description: "The keys that the caller may handle, the newest first. Their texts are not among what is shown: they are kept nowhere.",
			Parameters:  []openapi.Parameter{{Name: "all", In: "query", Description: "true: also those that have expired or were revoked.", Shape: openapi.Flag()}},
			Answers:     []openapi.Answer{openapi.Says(http.StatusOK, "The keys.", openapi.Of[keyPage]())},
		},
		{
			Pattern: "POST /v1/keys", ID: "createKey", Tag: "keys", Summary: "Create an API key",
			Description: "A key never gets more than its maker has: neither scopes nor workspaces.",
			Body:        openapi.Sends(openapi.Closed[wish](), map[string]any{"name": "CI", "scopes": []string{"ingest"}, "workspace": "default", "expiresIn": "720h"}),
			Answers:     []openapi.Answer{openapi.Says(http.StatusCreated, "The key, with its text.", openapi.Of[madeKey]())},
			Refuses:     []int{http.StatusBadRequest},
		},
		{
			Pattern: "DELETE /v1/keys/{id}", ID: "revokeKey", Tag: "keys", Summary: "Revoke an API key",
			Description: "It opens nothing any more, on this server at once and on every other within a second. Doing it again changes nothing.",
			Parameters:  []openapi.Parameter{id},
			Answers:     []openapi.Answer{openapi.Says(http.StatusOK, "The key as it is now.", openapi.Of[shown]())},
			Refuses:     []int{http.StatusNotFound},
		},
	}
}
