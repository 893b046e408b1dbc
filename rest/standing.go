package rest

import (
	"net/http"
	"time"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/people"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/rest/openapi"
)

// A RolesWish is the body of PUT /v1/.../members/{member}.
type RolesWish struct {
	Roles []string `json:"roles" doc:"Every role that they are to hold here directly: viewer, member, admin, owner, or workspace/NAME and organization/NAME for custom ones. One at least."`
}

// An OnboardingStep is one thing to do at first, and the event that did it.
type OnboardingStep struct {
	Step Word       `json:"step" enum:"sign_in,first_key,first_run,second_member"`
	Done bool       `json:"done"`
	At   *time.Time `json:"at" doc:"When the event was recorded that did it; null: it is not done."`
	By   *Actor     `json:"by" doc:"Who did it."`
}

// Onboarding is how far the caller came with a workspace.
type Onboarding struct {
	Steps []OnboardingStep `json:"steps"`
}

// permissionParam is what is asked about.
var permissionParam = openapi.Parameter{Name: "permission", In: "query", Required: true, Shape: openapi.Text(), Description: "What: a permission of /v1/permissions.", Example: "workspace:delete"}

// standingActions are how somebody stands in a place: all their roles at once, leaving, who may do something, and what
// there is to do at first.
func (a *API) standingActions() []action {
	var all []action
	for _, k := range places {
		all = append(all, action{openapi.Operation{
			Pattern: "PUT " + k.base + "/members/{member}", ID: "set" + k.ids + "Roles", Tag: "members", Summary: "Say every role that somebody holds in " + article(k.word), Permission: string(k.members),
			Description: "All at once, or nothing: what is missing is granted, what is too much is taken away. Nobody grants or takes away what they do not hold; at least one active owner always stays.",
			Parameters:  params(k.param, memberParam, reasonParam, matchParam), Body: openapi.Sends(openapi.Closed[RolesWish](), map[string]any{"roles": []string{"viewer"}}),
			Answers: changedAnswer("They hold these."), Refuses: changing(http.StatusPreconditionFailed, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType),
		}, access.Admin, func(c *call) (answer, error) { return setRoles(c, k) }}, action{openapi.Operation{
			Pattern: "POST " + k.base + "/leave", ID: "leave" + k.ids, Tag: "members", Summary: "Give up every role that one holds in " + article(k.word),
			Description: "It takes no permission; whoever holds no role there directly is told that there is none. The last active owner stays.",
			Parameters:  params(k.param, reasonParam, matchParam), Answers: changedAnswer("The caller holds none directly any more."), Refuses: changing(http.StatusPreconditionFailed),
		}, access.Write, func(c *call) (answer, error) {
			return c.desk(func(d *people.Desk, p access.Principal, a people.Ask) (eventstore.Result, error) {
				return d.Leave(c.ctx, p, a, k.of(c))
			})
		}}, action{openapi.Operation{
			Pattern: "GET " + k.base + "/who-can", ID: "whoCan" + k.ids, Tag: "members", Summary: "List who may do something in " + article(k.word), Permission: string(k.read),
			Description: "Each with the roles by which they may.",
			Parameters:  params(k.param, permissionParam, some("kind", "Only these kinds; people and service accounts when left out.", "account", "service_account", "team"), asOfParam, atLeastParam, limitParam, cursorParam),
			Answers:     []openapi.Answer{openapi.Says(http.StatusOK, "A page of them.", openapi.Of[Page[Member]]())}, Refuses: reading(http.StatusNotFound, http.StatusPreconditionFailed),
		}, access.Read, func(c *call) (answer, error) { return whoCan(c, k) }})
	}
	return append(all, action{openapi.Operation{
		Pattern: "GET /v1/workspaces/{slug}/onboarding", ID: "getOnboarding", Tag: "workspaces", Summary: "Read what there is to do at first, and what of it is done", Permission: string(domain.ReadWorkspace),
		Description: "Computed from the events of the workspace, of its organization and of the caller's account, as of any moment.",
		Parameters:  params(slugParam, asOfParam, atLeastParam), Answers: []openapi.Answer{openapi.Says(http.StatusOK, "The steps, in their order.", openapi.Of[Onboarding]())},
		Refuses: reading(http.StatusNotFound, http.StatusPreconditionFailed),
	}, access.Read, func(c *call) (answer, error) {
		found, err := ask[struct{ Onboarding []OnboardingStep }](c, inWorkspaces, "", "onboarding { step done at by { kind id name } }", unpaged(nil))
		if err != nil {
			return answer{}, err
		}
		return answer{body: Onboarding{found.Onboarding}}, nil
	}})
}

func setRoles(c *call, k placeKind) (answer, error) {
	member, err := domain.ParseGrantee(c.path("member"))
	if err != nil {
		return answer{}, err
	}
	var wish RolesWish
	if err := c.decode(&wish); err != nil {
		return answer{}, err
	}
	q := people.RolesChange{At: k.of(c), Member: member}
	for _, word := range wish.Roles {
		role, err := domain.ParseRoleRef(word)
		if err != nil {
			return answer{}, domain.At(err, "roles")
		}
		q.Roles = append(q.Roles, role)
	}
	return c.desk(func(d *people.Desk, p access.Principal, a people.Ask) (eventstore.Result, error) {
		q.Ask = a
		return d.SetRoles(c.ctx, p, q)
	})
}

func whoCan(c *call, k placeKind) (answer, error) {
	v, err := c.paged(map[string]any{"permission": c.query.Get("permission"), "kinds": c.words("kind"), "slug": c.path(k.param.Name), "atLeast": c.number("atLeast")})
	if err != nil {
		return answer{}, err
	}
	document := `query whoCan($slug: String!, $permission: String!, $kinds: [MemberKind!], $asOf: AsOf, $atLeast: Int64, $first: Int, $after: String) {
	whoCan(` + k.word + `: $slug, permission: $permission, kinds: $kinds, asOf: $asOf, atLeast: $atLeast, first: $first, after: $after) { nodes { ` + memberFields + ` }` + pageFields + ` } }`
	var found struct{ WhoCan *connection[Member] }
	if err := c.ask(document, v, &found); err != nil {
		return answer{}, err
	}
	if found.WhoCan == nil {
		return answer{}, k.missing()
	}
	return found.WhoCan.page(), nil
}
