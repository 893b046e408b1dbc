package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/people"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/rest/openapi"
)

// A Member is somebody who may do something in a place, or holds a role there.
type Member struct {
	Member       string     `json:"member" doc:"Who it is, as KIND:ID."`
	Kind         Word       `json:"kind" enum:"account,service_account,team"`
	ID           string     `json:"id"`
	Name         *string    `json:"name" doc:"For people; null: there is none, or it was erased."`
	Erased       bool       `json:"erased"`
	Roles        []string   `json:"roles" doc:"Held here directly; empty for those who may do something by a team or by the organization alone."`
	Through      []Source   `json:"through" doc:"By what they may do something here."`
	Suspended    bool       `json:"suspended"`
	LastActiveAt *time.Time `json:"lastActiveAt" doc:"When one of their sessions or keys was last used, to the minute."`
	Revision     int64      `json:"revision" doc:"Since which roles is so; -1 for those who hold none here themselves."`
}

// A Source is a role by which somebody may do something.
type Source struct {
	Level       Word     `json:"level" enum:"workspace,organization"`
	Role        string   `json:"role"`
	Team        *string  `json:"team" doc:"The team that holds it for its members."`
	Through     string   `json:"through" doc:"For people: direct, team:NAME, organization."`
	Permissions []string `json:"permissions"`
}

// Access is what somebody may do in a place, and by what.
type Access struct {
	Member      string   `json:"member"`
	Kind        Word     `json:"kind" enum:"account,service_account,team"`
	Name        *string  `json:"name"`
	Erased      bool     `json:"erased"`
	Suspended   bool     `json:"suspended"`
	Permissions []Grant  `json:"permissions"`
	Sources     []Source `json:"sources"`
	AsOf        Moment   `json:"asOf"`
}

// A Grant is something that somebody may do, with every role by which they may.
type Grant struct {
	Permission string   `json:"permission"`
	Sources    []Source `json:"sources"`
}

const (
	sourceFields = `level role team through permissions`
	memberFields = `member kind id name erased roles through { ` + sourceFields + ` } suspended lastActiveAt revision`
	accessFields = `member kind name erased suspended permissions { permission sources { ` + sourceFields + ` } } sources { ` + sourceFields + ` } ` + momentFields
)

var (
	memberParam = openapi.Parameter{Name: "member", In: "path", Shape: openapi.Text(), Description: "Who: account:ID, service_account:ID or team:NAME.", Example: "account:0190a2a0-0000-7000-8000-000000000001"}
	roleParam   = openapi.Parameter{Name: "role", In: "path", Shape: openapi.Text(), Description: "viewer, member, admin, owner, or workspace/NAME and organization/NAME (with %2F) for custom roles.", Example: "member"}
	reasonParam = one("reason", "Why: it is kept in the history.", openapi.Text())
)

func (a *API) memberActions() []action {
	var all []action
	for _, k := range places {
		all = append(all, memberActions(k)...)
	}
	for _, verb := range []string{"suspend", "reinstate"} {
		all = append(all, suspension(verb))
	}
	return all
}

func memberActions(k placeKind) []action {
	here := k.base + "/members"
	read, manage := string(k.read), string(k.members)
	return []action{
		{openapi.Operation{
			Pattern: "GET " + here, ID: "list" + k.ids + "Members", Tag: "members", Summary: "List who may do something in " + article(k.word), Permission: read,
			Parameters: params(k.param, one("direct", "true: only those who hold a role here themselves.", openapi.Flag()), some("kind", "Only these kinds.", "account", "service_account", "team"), asOfParam, atLeastParam, limitParam, cursorParam),
			Answers:    []openapi.Answer{openapi.Says(http.StatusOK, "A page of them.", openapi.Of[Page[Member]]())}, Refuses: reading(http.StatusNotFound, http.StatusPreconditionFailed),
		}, access.Read, func(c *call) (answer, error) { return listMembers(c, k) }},
		{openapi.Operation{
			Pattern: "GET " + here + "/{member}", ID: "get" + k.ids + "Member", Tag: "members", Summary: "Read what somebody may do in " + article(k.word) + ", and by what", Permission: read,
			Parameters: params(k.param, memberParam, asOfParam, atLeastParam),
			Answers:    []openapi.Answer{openapi.Says(http.StatusOK, "What they may do; nothing, for somebody who is no member.", openapi.Of[Access]())}, Refuses: reading(http.StatusNotFound, http.StatusPreconditionFailed),
		}, access.Read, func(c *call) (answer, error) { return getMember(c, k) }},
		{openapi.Operation{
			Pattern: "PUT " + here + "/{member}/roles/{role}", ID: "grant" + k.ids + "Role", Tag: "members", Summary: "Grant a role in " + article(k.word), Permission: manage,
			Description: "To a person whom the server knows, a service account or a team of the organization; strangers are invited. Nobody grants what they do not hold.",
			Parameters:  params(k.param, memberParam, roleParam, reasonParam, matchParam), Answers: changedAnswer("They hold it."), Refuses: changing(http.StatusPreconditionFailed),
		}, access.Admin, func(c *call) (answer, error) { return changeRole(c, k, (*people.Desk).GrantRole) }},
		{openapi.Operation{
			Pattern: "DELETE " + here + "/{member}/roles/{role}", ID: "revoke" + k.ids + "Role", Tag: "members", Summary: "Take a role away in " + article(k.word), Permission: manage,
			Description: "At least one active owner always stays.",
			Parameters:  params(k.param, memberParam, roleParam, reasonParam, matchParam), Answers: changedAnswer("They do not hold it directly any more."), Refuses: changing(http.StatusPreconditionFailed),
		}, access.Admin, func(c *call) (answer, error) { return changeRole(c, k, (*people.Desk).RevokeRole) }},
		{openapi.Operation{
			Pattern: "DELETE " + here + "/{member}", ID: "remove" + k.ids + "Member", Tag: "members", Summary: "Take every role away that somebody holds in " + article(k.word), Permission: manage,
			Description: "What they hold through teams stays.", Parameters: params(k.param, memberParam, reasonParam, matchParam), Answers: changedAnswer("They hold none directly any more."), Refuses: changing(http.StatusPreconditionFailed),
		}, access.Admin, func(c *call) (answer, error) { return changeMember(c, k, (*people.Desk).RemoveMember) }},
	}
}

// suspension is an action that keeps members of an organization from doing anything, or lets them again.
func suspension(verb string) action {
	do, summary := (*people.Desk).SuspendMember, "Keep a member from doing anything in an organization and its workspaces"
	if verb == "reinstate" {
		do, summary = (*people.Desk).ReinstateMember, "End a suspension"
	}
	return action{openapi.Operation{
		Pattern: "POST " + organizations.base + "/members/{member}/" + verb, ID: verb + "Member", Tag: "members", Summary: summary, Permission: string(organizations.members),
		Parameters: params(orgParam, memberParam, reasonParam, matchParam), Answers: changedAnswer("It is so."), Refuses: changing(http.StatusPreconditionFailed),
	}, access.Admin, func(c *call) (answer, error) { return changeMember(c, organizations, do) }}
}

func article(word string) string {
	if word == "organization" {
		return "an " + word
	}
	return "a " + word
}

func listMembers(c *call, k placeKind) (answer, error) {
	direct := c.flag("direct")
	if direct == nil {
		direct = false
	}
	found, err := ask[struct{ Members connection[Member] }](c, k, ", $direct: Boolean!, $kinds: [MemberKind!]",
		"members(direct: $direct, kinds: $kinds, first: $first, after: $after) { nodes { "+memberFields+" }"+pageFields+" }", map[string]any{"direct": direct, "kinds": c.words("kind")})
	if err != nil {
		return answer{}, err
	}
	return found.Members.page(), nil
}

func getMember(c *call, k placeKind) (answer, error) {
	at, err := c.asOf()
	if err != nil {
		return answer{}, err
	}
	var found struct{ EffectiveAccess *Access }
	document := `query explain($slug: String!, $member: String!, $asOf: AsOf, $atLeast: Int64) { effectiveAccess(` + k.word + `: $slug, member: $member, asOf: $asOf, atLeast: $atLeast) { ` + accessFields + ` } }`
	if err := c.ask(document, map[string]any{"slug": c.path(k.param.Name), "member": c.path("member"), "asOf": at, "atLeast": c.number("atLeast")}, &found); err != nil {
		return answer{}, err
	}
	if found.EffectiveAccess == nil {
		return answer{}, k.missing()
	}
	return answer{body: found.EffectiveAccess}, nil
}

func changeRole(c *call, k placeKind, do func(*people.Desk, context.Context, access.Principal, people.RoleChange) (eventstore.Result, error)) (answer, error) {
	member, err := domain.ParseGrantee(c.path("member"))
	if err != nil {
		return answer{}, err
	}
	role, err := domain.ParseRoleRef(c.path("role"))
	if err != nil {
		return answer{}, err
	}
	return c.desk(func(d *people.Desk, p access.Principal, a people.Ask) (eventstore.Result, error) {
		return do(d, c.ctx, p, people.RoleChange{Ask: a, At: k.of(c), Member: member, Role: role})
	})
}

func changeMember(c *call, k placeKind, do func(*people.Desk, context.Context, access.Principal, people.MemberChange) (eventstore.Result, error)) (answer, error) {
	member, err := domain.ParseGrantee(c.path("member"))
	if err != nil {
		return answer{}, err
	}
	return c.desk(func(d *people.Desk, p access.Principal, a people.Ask) (eventstore.Result, error) {
		return do(d, c.ctx, p, people.MemberChange{Ask: a, At: k.of(c), Member: member})
	})
}
