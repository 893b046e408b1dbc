package main

import (
	"slices"

	"github.com/annals-io/annals/domain"
)

// A place says of what an operation asks a permission.
type matrixPlace string

const (
	inWorkspace    matrixPlace = "workspace"
	inOrganization matrixPlace = "organization"
	ofAnybody      matrixPlace = "anybody"   // who is signed in or has a key; it shows only what the asker may see
	ofOperators    matrixPlace = "operators" // of the server
	nowhereAtAll   matrixPlace = "nowhere"   // what is asked for is not there, for nobody
)

// A matrixRow is what one root field of the schema, or one route, asks of whom.
type matrixRow struct {
	place  matrixPlace
	needs  domain.Permission // empty: none beside being let in at all
	gone   bool              // what was deleted is nothing to it, for owners too
	reads  bool              // it reads before it writes: what was deleted is nothing to it for those who may not read it
	people bool              // it is for people, not for service accounts
	direct bool              // it is for who holds a role in the place itself, whatever that permits
	void   bool              // what is asked for need not be there: who is let in may be told so
	args   map[string]any    // for a generated request, where the names of arguments do not say it
}

func reads() matrixRow { return matrixRow{place: inWorkspace, needs: domain.ReadWorkspace} }

func takes(p domain.Permission) matrixRow { return matrixRow{place: inWorkspace, needs: p} }
func (r matrixRow) with(name string, value any) matrixRow {
	args := map[string]any{name: value}
	for k, v := range r.args {
		args[k] = v
	}
	r.args = args
	return r
}

// matrixRoutes are the routes that want a credential, but those of GraphQL, which has a matrix of its own. One that is not
// here fails the tests, and so does one that says in its documents that it takes something else.
var matrixRoutes = map[string]matrixRow{
	"POST /api/v1/lineage":                         takes(domain.IngestEvents).with("X-Annals-Workspace", "$workspace"),
	"POST /api/v1/lineage/batch":                   takes(domain.IngestEvents).with("X-Annals-Workspace", "$workspace"),
	"POST /workspaces/{slug}/api/v1/lineage":       takes(domain.IngestEvents),
	"POST /workspaces/{slug}/api/v1/lineage/batch": takes(domain.IngestEvents),
	"POST /workspaces/api/v1/lineage":              {place: nowhereAtAll},
	"POST /workspaces/api/v1/lineage/batch":        {place: nowhereAtAll},
	"POST /v1/workspaces/{slug}/events":            takes(domain.IngestEvents),
	"POST /v1/workspaces/{slug}/projection/retry":  takes(domain.ConfigureWorkspace),
	"GET /v1/projections":                          {place: ofAnybody},
	"GET /v1/instance":                             {place: ofAnybody},
	"POST /v1/instance/fork":                       {place: ofOperators},
	"GET /v1/status":                               {place: ofAnybody},
	"GET /v1/workspaces/{slug}/proofs/{event}":     reads(),
	"POST /v1/audit/resume":                        {place: ofOperators},
	"GET /v1/audit/key":                            {place: ofAnybody},
	"GET /v1/keys":                                 {place: ofAnybody},
	"POST /v1/keys":                                {place: ofAnybody},
	"GET /v1/keys/{id}":                            {place: nowhereAtAll}, // of a key that is not there
	"DELETE /v1/keys/{id}":                         {place: nowhereAtAll},
	"POST /v1/keys/{id}/rotate":                    {place: nowhereAtAll},
	"POST /v1/workspaces/{slug}/runs/{run}/token":  takes(domain.WriteRuns),
	"POST /v1/projections/swap":                    {place: ofOperators},
	"POST /v1/projections/discard":                 {place: ofOperators},
	"POST /v1/projections/rollback":                {place: ofOperators},
	"GET /v1/operations":                           {place: ofAnybody},
	"POST /v1/operations":                          {place: ofOperators}, // about the whole server; about a workspace: TestWhoSeesOperations
	"GET /v1/operations/{id}":                      {place: nowhereAtAll},
	"POST /v1/operations/{id}/cancel":              {place: nowhereAtAll},
	"POST /v1/operations/{id}/resume":              {place: nowhereAtAll},
	"GET /metrics":                                 {place: ofOperators},
	"GET /v1/workspaces":                           {place: ofAnybody},
	"GET /v1/slugs/{slug}":                         {place: ofAnybody},
	"GET /v1/workspaces/{slug}":                    reads(),
	"GET /workspaces/{slug}":                       reads(),
	"GET /v1/workspaces/{slug}/runs":               reads(),
	"GET /v1/workspaces/{slug}/runs/{run}":         reads(),
	"GET /v1/workspaces/{slug}/events":             reads(),
	"GET /v1/workspaces/{slug}/history":            {place: inWorkspace, needs: domain.ExportHistory, reads: true},
	"GET /v1/workspaces/{slug}/replay":             reads(),
	"PUT /v1/organizations/{org}/histories/{slug}": {place: inOrganization, needs: domain.CreateWorkspaces},
	"GET /v1/workspaces/{slug}/lineage":            reads().with("?root", "r1"),
	"PATCH /v1/workspaces/{slug}":                  takes(domain.ConfigureWorkspace),
	"GET /v1/workspace-groups":                     matrixRow{place: ofAnybody}.with("?by", "kind"),
	"GET /v1/workspaces/{slug}/onboarding":         reads(),
	"GET /v1/workspaces/{slug}/promotions":         reads(),
	"POST /v1/workspaces/{slug}/promotions":        takes(domain.PromoteArtifacts).ofSome(),
	"POST /v1/workspaces/{slug}/archive":           takes(domain.ConfigureWorkspace),
	"POST /v1/workspaces/{slug}/restore":           takes(domain.ConfigureWorkspace),
	"DELETE /v1/workspaces/{slug}":                 takes(domain.DeleteWorkspaces).with("?confirm", "x1"),
	"GET /v1/whoami":                               {place: ofAnybody},
	"GET /v1/sessions":                             {place: ofAnybody, people: true},
	"DELETE /v1/sessions":                          {place: ofAnybody, people: true},
	"DELETE /v1/sessions/{id}":                     {place: nowhereAtAll, people: true},
	"POST /v1/login-links":                         {place: ofOperators},
	"GET /v1/accounts":                             {place: ofOperators},
	"POST /v1/workspaces/{slug}/erasures":          takes(domain.DeleteWorkspaces),
	"POST /v1/organizations/{org}/erasures":        takesIn(domain.DeleteOrganizations),
	"POST /v1/accounts/{id}/erasure":               {place: ofOperators},
	"POST /v1/accounts/{id}/disable":               {place: ofOperators},
	"POST /v1/accounts/{id}/enable":                {place: ofOperators},
}

// The cast. What each may do is written out here, and not taken from the code that decides it: the built-in roles are
// exactly these.
var (
	matrixViewer = []domain.Permission{"workspace:read"}
	matrixMember = append(slices.Clone(matrixViewer), "events:ingest", "pipelines:write", "runs:write", "artifacts:write", "artifacts:promote", "models:write", "stacks:write", "deployments:write")
	matrixAdmin  = append(slices.Clone(matrixMember), "secrets:manage", "members:manage", "roles:manage", "keys:manage", "history:export", "workspace:configure")
	matrixOwner  = append(slices.Clone(matrixAdmin), "workspace:delete", "owners:manage")

	matrixOrganizationMember = []domain.Permission{"organization:read"}
	matrixOrganizationAdmin  = append(slices.Clone(matrixOrganizationMember), "workspaces:create", "organization:configure", "teams:manage", "service_accounts:manage", "organization_members:manage", "organization_roles:manage")
	matrixOrganizationOwner  = append(slices.Clone(matrixOrganizationAdmin), "organization_owners:manage", "organization:delete")
)

// An actor is one kind of principal.
type actor struct {
	name string
	// here is what they may do in their own workspace, there in its organization.
	here, there []domain.Permission
	owns        bool // the workspace or its organization: they read what was deleted
	shut        bool // their credential opens nothing
	bound       bool // their credential is bound to their own workspace
	browser     bool // their credential is the cookie of a session
	// holdsHere, holdsThere say whether they hold a role directly in their own workspace, and in its organization.
	holdsHere, holdsThere bool
	key                   string
}

func actors() []*actor {
	organizationMay := func(ps, more []domain.Permission) []domain.Permission { return append(slices.Clone(ps), more...) }
	return []*actor{
		{name: "anonymous", shut: true},
		{name: "expired", shut: true},
		{name: "revoked", shut: true},
		{name: "outsider"},
		{name: "viewer", here: matrixViewer, holdsHere: true},
		{name: "member", here: matrixMember, holdsHere: true},
		{name: "admin", here: matrixAdmin, holdsHere: true},
		{name: "owner", here: matrixOwner, owns: true, holdsHere: true},
		{name: "service account", here: matrixMember, holdsHere: true},
		{name: "custom role", here: []domain.Permission{"workspace:read", "artifacts:write"}, holdsHere: true},
		{name: "team member", here: matrixMember},
		{name: "organization member", there: matrixOrganizationMember, holdsThere: true},
		{name: "organization admin", here: matrixAdmin, there: organizationMay(matrixAdmin, matrixOrganizationAdmin), holdsThere: true},
		{name: "organization owner", here: matrixOwner, there: organizationMay(matrixOwner, matrixOrganizationOwner), owns: true, holdsThere: true},
		{name: "suspended", holdsHere: true, holdsThere: true},
		{name: "key to read", here: append(slices.Clone(matrixViewer), "history:export"), there: matrixOrganizationMember, owns: true, holdsHere: true, holdsThere: true}, // of an owner
		{name: "run token", bound: true}, // of the run r1 in their own workspace
		{name: "session", here: matrixMember, holdsHere: true, browser: true},
		{name: "program signed in by a device code", here: matrixMember, holdsHere: true},
		{name: "key to ingest", here: []domain.Permission{"events:ingest"}},
	}
}

func (a *actor) may(r matrixRow) bool {
	switch r.place {
	case inWorkspace:
		return slices.Contains(a.here, r.needs)
	case inOrganization:
		return slices.Contains(a.there, r.needs)
	}
	return true
}
