package workspaces

import (
	"context"
	"fmt"
	"strings"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/projections/read"
)

// A Blocker is a thing that has to be ended before its workspace can be deleted.
type Blocker struct {
	Kind   domain.Kind
	Key    int64  // in the read models
	ID     string // as its producer or owner names it
	Name   string // for people
	Status string // in the words of its kind
}

// Command is what ends it on the command line. id is a word for it that means nothing else.
func (b Blocker) Command(slug domain.Slug, id string) string {
	return fmt.Sprintf(blocking[b.Kind].command, id, slug)
}

// Path is its own address at the server, where it can be seen and ended.
func (b Blocker) Path(slug domain.Slug, id string) string {
	return fmt.Sprintf(blocking[b.Kind].path, slug, id)
}

// A blockingKind is a kind of thing that stands in the way while it lives.
type blockingKind struct {
	one, what     string // one of it and several, for messages
	command, path string // how it is ended: of id and slug, of slug and id
	// living lists those that live at a moment, the newest first and at most so many, and counts them up to a bound.
	living func(ctx context.Context, db *read.DB, m read.Moment, most, bound int) ([]Blocker, int, error)
}

// blocking are the kinds that stand in the way. A kind that comes later (a deployment, a schedule, a secret) is added here,
// or to ending, with its first event.
var blocking = map[domain.Kind]blockingKind{
	domain.KindRun: {
		one: "run that has not ended", what: "runs that have not ended", command: "annals run cancel %s --workspace %s", path: "/v1/workspaces/%s/runs/%s", living: livingRuns,
	},
}

// order is the order in which they are listed.
var order = []domain.Kind{domain.KindRun}

// ending are the kinds that end with their workspace, and why nobody has to end them before.
var ending = map[domain.Kind]string{
	domain.KindPipeline:        "a pipeline is a definition: what runs of it is a run",
	domain.KindPipelineVersion: "as its pipeline",
	domain.KindStep:            "a step ends with its run",
	domain.KindArtifact:        "an artifact is a record of data that lie elsewhere",
	domain.KindArtifactVersion: "as its artifact",
	domain.KindRoster:          "members keep nothing running",
	domain.KindInvitation:      "an invitation to what is deleted cannot be accepted",
}

// elsewhere are the kinds that no workspace holds.
var elsewhere = map[domain.Kind]string{
	domain.KindWorkspace:      "it is the workspace itself",
	domain.KindOrganization:   "it holds workspaces",
	domain.KindAccount:        "a person's",
	domain.KindTeam:           "an organization's",
	domain.KindServiceAccount: "an organization's",
	domain.KindAPIKey:         "of whoever holds it: one that is bound to the workspace opens nothing any more",
}

// going are the statuses of a run that has not ended. A run that nothing was reported of is only a name: it keeps nobody.
// One that was lost, or whose parent has ended, has ended as far as anybody will hear.
var going = []domain.Status{domain.StatusQueued, domain.StatusInitializing, domain.StatusRunning, domain.StatusCancelling, domain.StatusRetrying}

func livingRuns(ctx context.Context, db *read.DB, m read.Moment, most, bound int) ([]Blocker, int, error) {
	q := read.RunQuery{Statuses: going, Nested: true, Page: read.Page{Limit: most}}
	found, err := db.Runs(ctx, m, q)
	if err != nil || len(found.Rows) == 0 {
		return nil, 0, err
	}
	n := len(found.Rows)
	if found.More {
		if n, err = db.CountRuns(ctx, m, q, bound); err != nil {
			return nil, 0, err
		}
	}
	var keys []int64
	for _, s := range found.Rows {
		if s.Row.Pipeline != 0 {
			keys = append(keys, s.Row.Pipeline)
		}
	}
	pipelines, err := db.PipelinesByKey(ctx, m, keys)
	if err != nil {
		return nil, 0, err
	}
	names := map[int64]string{}
	for _, p := range pipelines {
		names[p.Key] = strings.TrimPrefix(p.Namespace+"/"+p.Name, "/")
	}
	out := make([]Blocker, len(found.Rows))
	for i, s := range found.Rows {
		out[i] = Blocker{Kind: domain.KindRun, Key: s.Row.Key, ID: s.Row.RunID, Name: s.Row.RunID, Status: string(s.Row.Status)}
		if name := names[s.Row.Pipeline]; name != "" && s.Row.Number > 0 {
			out[i].Name = fmt.Sprintf("%s#%d", name, s.Row.Number)
		}
	}
	return out, n, nil
}
