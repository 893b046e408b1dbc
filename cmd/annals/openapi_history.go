package main

import (
	"net/http"

	"github.com/annals-io/annals/audit/replay"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/rest/openapi"
)

// historyOperations describes what takes whole histories away, and shows them.
func historyOperations() []openapi.Operation {
	moment := func(name, description string) openapi.Parameter {
		return openapi.Parameter{Name: name, In: "query", Description: description, Shape: openapi.Text()}
	}
	flag := openapi.As(openapi.Schema{Type: "boolean"})
	return []openapi.Operation{
		{
			Pattern: "GET /v1/workspaces/{slug}/history", ID: "exportHistory", Tag: "history", Summary: "Export the history of a workspace", Permission: string(domain.ExportHistory),
			Description: "All of it as a tar of files: events as they are stored, the bodies beside them, signed checkpoints, an index; manifest.json, which has the digests of all others, comes last. " +
				"An answer without it was cut off and is no export. The header " + eventsHeader + " says how many events there are.",
			Parameters: []openapi.Parameter{slugParameter, {Name: "names", In: "query", Description: "Whether names of people come along readable. Erasing them later does not reach what was exported.", Shape: flag}},
			Answers:    []openapi.Answer{file("The export.", "application/x-tar")}, Refuses: []int{http.StatusBadRequest, http.StatusNotFound},
		},
		{
			Pattern: "PUT /v1/organizations/{org}/histories/{slug}", ID: "importHistory", Tag: "history", Summary: "Import an export into a new workspace", Permission: string(domain.CreateWorkspaces),
			Description: "The body is a tar of an export, its manifest last. All of it is read and proven before anything is written; then events, revisions, times and checkpoints are brought over as they were, and whoever asks owns the workspace alone. " +
				"The answer is a line every now and then, and the result or the error as the last. An import that was cut off goes on where it was when the same is asked again.",
			Parameters: []openapi.Parameter{
				{Name: "org", In: "path", Description: "The organization whose the workspace will be.", Shape: openapi.Text(), Example: "personal"},
				{Name: "slug", In: "path", Description: "What the workspace will be called.", Shape: openapi.Text(), Example: "brought"},
				{Name: "key", In: "query", Description: "The verifier key of the instance that it comes from: then what is not signed by it is refused.", Shape: openapi.Text()},
			},
			Body:    &openapi.Body{Required: true, Content: []openapi.Content{{Type: "application/x-tar", Shape: openapi.Text()}}},
			Answers: []openapi.Answer{{Status: http.StatusOK, Description: "How far it is, line by line.", Content: []openapi.Content{{Type: "application/x-ndjson", Shape: openapi.Of[importLine]()}}}},
			Refuses: []int{http.StatusBadRequest, http.StatusNotFound, http.StatusConflict},
		},
		{
			Pattern: "GET /v1/workspaces/{slug}/replay", ID: "replayHistory", Tag: "history", Summary: "Replay the history of a workspace", Permission: string(domain.ReadWorkspace),
			Description: "Its events as they lie in its stream, a line each, as fast as they are taken. What was erased is the word erased. Go on from a revision by from. " +
				"A moment before the first event or ahead of what there is is refused (as_of_before_first_event, as_of_ahead), as everywhere; with follow, until may lie ahead, and the answer ends when that has come.",
			Parameters: []openapi.Parameter{
				slugParameter, moment("from", "Begin with this revision, or with what was recorded at this time or later."), moment("until", "End with this revision, or with what was recorded at this time or earlier."),
				{Name: "follow", In: "query", Description: "Whether to go on with what is recorded from then on. An empty line every now and then says that nothing was.", Shape: flag},
			},
			Answers: []openapi.Answer{{Status: http.StatusOK, Description: "The events.", Content: []openapi.Content{{Type: "application/x-ndjson", Shape: openapi.Of[replay.Entry]()}}}},
			Refuses: []int{http.StatusBadRequest, http.StatusNotFound},
		},
	}
}
