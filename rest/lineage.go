package rest

import (
	"net/http"
	"strings"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/rest/openapi"
)

// A Lineage is a walk over what was made from what.
type Lineage struct {
	Nodes       []LineageNode     `json:"nodes" doc:"What was reached, nearest first; the first is the root."`
	Edges       []LineageEdge     `json:"edges" doc:"What was read and written; both ends are among the nodes."`
	Complete    bool              `json:"complete" doc:"Everything that can be reached is there."`
	TruncatedBy *Word             `json:"truncatedBy" enum:"max_nodes,depth,time,wall" doc:"wall: of what lies in a workspace that you cannot see not even the number is told, or it cannot be read at this moment."`
	Frontier    []LineageFrontier `json:"frontier" doc:"The nodes with neighbours that were not sent: where to go on."`
	Revision    int64             `json:"revision" doc:"The revision the walk is true at."`
	Workspaces  []LineageMoment   `json:"workspaces" doc:"The workspaces that the nodes are of, each with its revision; the first is the one that was asked."`
}

// A LineageMoment is a workspace that a walk came to.
type LineageMoment struct {
	Slug     string `json:"slug"`
	Revision int64  `json:"revision"`
	Settled  bool   `json:"settled" doc:"The same question has the same answer there for ever."`
}

// A LineageNode is a node of a walk.
type LineageNode struct {
	ID        string  `json:"id"`
	Kind      Word    `json:"kind" doc:"opaque: all that is reached one way in workspaces that you cannot see."`
	Name      string  `json:"name"`
	Status    *Word   `json:"status"`
	Distance  int     `json:"distance" doc:"Less than 0 for what the root came from, more than 0 for what came of it."`
	Tombstone bool    `json:"tombstone" doc:"It was deleted: only its place in the graph is kept."`
	Workspace *string `json:"workspace" doc:"The workspace that it is of; null for an opaque node."`
	Hidden    *int    `json:"hidden" doc:"How many nodes an opaque one stands for; null where that is not told."`
}

// A LineageEdge goes in the direction the data went.
type LineageEdge struct {
	From string  `json:"from"`
	To   string  `json:"to"`
	Role *string `json:"role"`
}

// A LineageFrontier is a node with neighbours that were not sent, counted up to 1,000.
type LineageFrontier struct {
	ID        string `json:"id"`
	Direction Word   `json:"direction" enum:"up,down,both"`
	MoreUp    int    `json:"moreUp"`
	MoreDown  int    `json:"moreDown"`
}

const lineageDocument = `query getLineage($slug: String!, $asOf: AsOf, $atLeast: Int64, $root: ID!, $direction: LineageDirection!, $depth: Int!, $maxNodes: Int!, $granularity: LineageGranularity!) {
	workspace(slug: $slug, asOf: $asOf, atLeast: $atLeast) { lineage(root: $root, direction: $direction, depth: $depth, maxNodes: $maxNodes, granularity: $granularity) {
	nodes { id kind name status distance tombstone workspace hidden } edges { from to role } complete truncatedBy frontier { id direction moreUp moreDown } revision workspaces { slug revision settled } } } }`

func (a *API) lineageActions() []action {
	return []action{{openapi.Operation{
		Pattern: "GET /v1/workspaces/{slug}/lineage", ID: "getLineage", Tag: "lineage", Summary: "Walk what was made from what", Permission: string(domain.ReadWorkspace),
		Parameters: params(slugParam,
			openapi.Parameter{Name: "root", In: "query", Required: true, Shape: openapi.Text(), Example: "r1", Description: "Where the walk starts: an artifact, a version of one, a run, a step or a pipeline, by id or name."},
			one("direction", "up: to what it came from; down: to what came of it; both when left out.", openapi.Words("up", "down", "both")),
			one("depth", "How many edges to follow each way; 6 when left out.", openapi.Number(1, 50)),
			one("maxNodes", "How many nodes at most, the nearest; 500 when left out.", openapi.Number(1, 10_000)),
			one("granularity", "version: versions of artifacts and the executions between them; artifact: artifacts alone. version when left out.", openapi.Words("version", "artifact")),
			asOfParam, atLeastParam),
		Answers: []openapi.Answer{openapi.Says(http.StatusOK, "The walk.", openapi.Of[Lineage]())}, Refuses: reading(http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed),
	}, access.Read, getLineage}}
}

func getLineage(c *call) (answer, error) {
	v, err := c.below(map[string]any{"root": c.query.Get("root"), "direction": "BOTH", "depth": 6, "maxNodes": 500, "granularity": "VERSION"})
	if err != nil {
		return answer{}, err
	}
	delete(v, "first")
	delete(v, "after")
	for _, name := range []string{"depth", "maxNodes"} {
		if n := c.number(name); n != nil {
			v[name] = n
		}
	}
	for _, name := range []string{"direction", "granularity"} {
		if word := c.text(name); word != nil {
			v[name] = strings.ToUpper(*word)
		}
	}
	var found struct {
		Workspace *struct{ Lineage *Lineage }
	}
	if err := c.ask(lineageDocument, v, &found); err != nil {
		return answer{}, err
	}
	switch {
	case found.Workspace == nil:
		return answer{}, errNoWorkspace
	case found.Workspace.Lineage == nil:
		return answer{}, &domain.Error{Code: domain.NotFound, Subject: "root", Message: "there is no such thing"}
	}
	return answer{body: found.Workspace.Lineage}, nil
}
