package rest

import (
	"crypto/sha256"
	"net/http"
	"strings"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/evidence"
	"github.com/annals-io/annals/rest/openapi"
)

// WorkspacePatch is the body of PATCH /v1/workspaces/{slug}: what is left out stays, null takes away.
type WorkspacePatch struct {
	Name        Optional[string]             `json:"name" doc:"The name for people; it cannot be taken away."`
	Description Optional[string]             `json:"description"`
	Labels      Optional[map[string]*string] `json:"labels" doc:"Labels to set; null takes one away. Those not named stay."`
	Environment Optional[string]             `json:"environment" enum:"development,staging,production" doc:"Of kind environment alone."`
	Sensitivity Optional[string]             `json:"sensitivity" enum:"public,internal,confidential"`
	Team        Optional[string]             `json:"team" doc:"A team of the organization to file it under."`
}

// A Blocker is what has to be ended before a workspace can be deleted.
type Blocker struct {
	Kind    Word   `json:"kind"`
	ID      string `json:"id"`
	Name    string `json:"name"`
	Status  Word   `json:"status"`
	Command string `json:"command" doc:"The command that ends it."`
	Path    string `json:"path" doc:"Its own address at the server."`
}

// BlockedProblem is the refusal of a deletion.
type BlockedProblem struct {
	Error struct {
		openapi.Detail
		Blockers []Blocker `json:"blockers,omitempty" doc:"What has to be ended first: the newest 50 of each kind."`
		Blocking int       `json:"blocking,omitempty" doc:"How many, counted up to 10,000; 10,001 means more."`
	} `json:"error"`
}

// A blockedError is the refusal of a deletion that something stands in the way of.
type blockedError struct{ userError }

func (e *blockedError) Error() string { return e.Message }

func (e *blockedError) problem() BlockedProblem {
	var p BlockedProblem
	p.Error.Detail = openapi.Detail{Code: "blocked", Message: e.Message, Field: "slug"}
	p.Error.Blockers, p.Error.Blocking = e.Blockers, e.Blocking
	return p
}

// changing are the refusals of every action that changes something, with others.
func changing(more ...int) []int {
	return append(more, http.StatusBadRequest, http.StatusNotFound, http.StatusConflict, http.StatusGone)
}

func (a *API) changeActions() []action {
	one, configure := openapi.Of[Workspace](), string(domain.ConfigureWorkspace)
	confirm := openapi.Parameter{Name: "confirm", In: "query", Required: true, Shape: openapi.Text(), Description: "The slug once more, against slips.", Example: "spare"}
	spare := slugParam
	spare.Example = "spare"
	reason := openapi.Parameter{Name: "reason", In: "query", Shape: openapi.Text(), Description: "Why: it is kept in the history."}
	return []action{
		{openapi.Operation{
			Pattern: "PATCH /v1/workspaces/{slug}", ID: "updateWorkspace", Tag: "workspaces", Summary: "Change the settings of a workspace", Permission: configure,
			Description: "All of it at once, or nothing. What is left out stays; null takes away.",
			Parameters:  params(slugParam, matchParam), Body: openapi.Sends(openapi.Closed[WorkspacePatch](), map[string]any{"name": "Fraud", "labels": map[string]string{"area": "risk"}}),
			Answers: says(http.StatusOK, "The workspace as it is now.", one), Refuses: changing(http.StatusPreconditionFailed, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType),
		}, access.Admin, updateWorkspace},
		{openapi.Operation{
			Pattern: "POST /v1/workspaces/{slug}/archive", ID: "archiveWorkspace", Tag: "workspaces", Summary: "Make a workspace read only", Permission: configure,
			Parameters: params(spare, reason, matchParam), Answers: says(http.StatusOK, "The workspace as it is now.", one), Refuses: changing(http.StatusPreconditionFailed),
		}, access.Admin, func(c *call) (answer, error) { return c.turn("archiveWorkspace", "ArchiveWorkspaceInput") }},
		{openapi.Operation{
			Pattern: "POST /v1/workspaces/{slug}/restore", ID: "restoreWorkspace", Tag: "workspaces", Summary: "Make an archived workspace writable again", Permission: configure,
			Parameters: params(spare, reason, matchParam), Answers: says(http.StatusOK, "The workspace as it is now.", one), Refuses: changing(http.StatusPreconditionFailed),
		}, access.Admin, func(c *call) (answer, error) { return c.turn("restoreWorkspace", "RestoreWorkspaceInput") }},
		{openapi.Operation{
			Pattern: "DELETE /v1/workspaces/{slug}", ID: "deleteWorkspace", Tag: "workspaces", Summary: "Delete a workspace", Permission: string(domain.DeleteWorkspaces),
			Description: "Its history stays and an earlier moment still shows it; its slug is never used again. What runs in it has to be ended first.",
			Parameters:  params(spare, confirm, reason, matchParam),
			Answers: []openapi.Answer{openapi.Says(http.StatusOK, "It is deleted.", openapi.Of[Deleted]()),
				openapi.Says(http.StatusConflict, "Something stands in the way, or somebody was first.", openapi.Of[BlockedProblem]())},
			Refuses: changing(http.StatusPreconditionFailed),
		}, access.Admin, deleteWorkspace},
	}
}

// Deleted is the answer to a deletion.
type Deleted struct {
	Slug     string `json:"slug"`
	Revision int64  `json:"revision" doc:"The last one of its history."`
}

// turn carries out a mutation that takes nothing but the workspace.
func (c *call) turn(mutation, input string) (answer, error) {
	meta, err := c.meta()
	if err != nil {
		return answer{}, err
	}
	document := `mutation ` + mutation + `($input: ` + input + `!) { done: ` + mutation + `(input: $input) { userErrors { message path code } revision duplicate } }`
	var found struct{ Done written }
	if err := c.ask(document, map[string]any{"input": map[string]any{"workspace": c.path("slug"), "meta": meta}}, &found); err != nil {
		return answer{}, err
	}
	if err := found.Done.refused(); err != nil {
		return answer{}, err
	}
	return c.workspace(found.Done.Revision)
}

const deleteDocument = `mutation deleteWorkspace($input: DeleteWorkspaceInput!) { done: deleteWorkspace(input: $input) {
	userErrors { message path code ... on DeletionBlocked { blocking blockers { kind id name status command path } } } revision duplicate } }`

func deleteWorkspace(c *call) (answer, error) {
	meta, err := c.meta()
	if err != nil {
		return answer{}, err
	}
	delete(meta, "reason")
	input := map[string]any{"workspace": c.path("slug"), "confirmSlug": c.query.Get("confirm"), "reason": c.query.Get("reason"), "meta": meta}
	var found struct{ Done written }
	if err := c.ask(deleteDocument, map[string]any{"input": input}, &found); err != nil {
		return answer{}, err
	}
	if err := found.Done.refused(); err != nil {
		return answer{}, err
	}
	return answer{body: Deleted{c.path("slug"), found.Done.Revision}}, nil
}

func updateWorkspace(c *call) (answer, error) {
	slug := domain.Slug(c.path("slug"))
	if err := c.api.Rights.Permit(c.ctx, c.principal, slug, domain.ConfigureWorkspace, errNoWorkspace); err != nil {
		return answer{}, lookedUp(err)
	}
	var patch WorkspacePatch
	if err := c.decode(&patch); err != nil {
		return answer{}, err
	}
	r, err := c.command(domain.WorkspaceStream(slug))
	if err != nil {
		return answer{}, err
	}
	if r.Command, err = patch.command(&r); err != nil {
		return answer{}, err
	}
	result, err := c.api.Commands.Execute(c.ctx, r)
	if err != nil {
		return answer{}, err
	}
	return c.workspace(int64(result.Revision))
}

// lookedUp is an error of asking for rights: a refusal, or a log that cannot be read now.
func lookedUp(err error) error {
	if _, ok := refusalOf(err); ok {
		return err
	}
	return &eventstore.UnavailableError{Cause: err}
}

// command is a request to the executor, by the headers and the body of the call.
func (c *call) command(stream domain.Stream) (eventstore.Request, error) {
	since, err := c.since()
	r := eventstore.Request{Stream: stream, Meta: domain.Meta{Actor: c.principal.Actor()}, IfUnchangedSince: since}
	if key := c.request.Header.Get(keyHeader); key != "" {
		// The key is the caller's own: another caller's request of the same key is another one.
		r.CommandID = "r1:" + r.Meta.Actor.Credential() + ":" + key
	}
	r.Digest = sha256.Sum256([]byte(c.digest + "\x00" + string(c.body) + "\x00" + c.request.Header.Get(matchHeader)))
	return r, err
}

// command is the one command that a patch is.
func (p WorkspacePatch) command(r *eventstore.Request) (domain.Command, error) {
	var all together
	if p.Name.Said {
		if p.Name.Value == nil {
			return nil, &domain.Error{Code: domain.Required, Subject: "name", Message: "a workspace has a name"}
		}
		all = append(all, domain.RenameWorkspace{Name: *p.Name.Value})
	}
	if p.Description.Said {
		var text *domain.Text
		if said := valueOf(p.Description.Value); said != "" {
			e := evidence.New([]byte(said))
			r.Evidence, text = append(r.Evidence, e), &domain.Text{Evidence: e.Digest}
		}
		all = append(all, domain.DescribeWorkspace{Description: text})
	}
	if p.Labels.Said {
		if p.Labels.Value == nil {
			return nil, invalid("labels", "take labels away one by one, each by null")
		}
		c := domain.LabelWorkspace{Set: map[string]string{}}
		for key, value := range *p.Labels.Value {
			if value == nil {
				c.Removed = append(c.Removed, key)
			} else {
				c.Set[key] = *value
			}
		}
		all = append(all, c)
	}
	if p.Environment.Said || p.Sensitivity.Said || p.Team.Said {
		all = append(all, p.class())
	}
	return all, nil
}

func (p WorkspacePatch) class() domain.ClassifyWorkspace {
	var c domain.ClassifyWorkspace
	if p.Environment.Said {
		e := domain.Environment(valueOf(p.Environment.Value))
		c.Environment = &e
	}
	if p.Sensitivity.Said {
		s := domain.Sensitivity(valueOf(p.Sensitivity.Value))
		c.Sensitivity = &s
	}
	if p.Team.Said {
		t := valueOf(p.Team.Value)
		c.Team = &t
	}
	return c
}

// together is several commands about the workspace as one: each is judged on the same state, and what they say is appended
// at once. They are about different parts of it.
type together []domain.Command

// Needs is the workspace.
func (together) Needs() []domain.Entity { return []domain.Entity{domain.WorkspaceEntity()} }

// Decide refuses everything where one of them is refused.
func (t together) Decide(s domain.States) (events []domain.Event, err error) {
	if len(t) == 0 { // nothing is asked: refused where nothing could be
		return domain.ClassifyWorkspace{}.Decide(s)
	}
	for _, c := range t {
		some, err := c.Decide(s)
		if err != nil {
			return nil, err
		}
		events = append(events, some...)
	}
	return events, nil
}

func valueOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// cutLabel takes "key=value" apart.
func cutLabel(s string) (key, value string, ok bool) {
	key, value, ok = strings.Cut(s, "=")
	return key, value, ok && key != ""
}
