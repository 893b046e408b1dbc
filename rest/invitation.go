package rest

import (
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/people"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/rest/openapi"
)

// An Invitation offers roles to whoever comes with its link, once and until it expires.
type Invitation struct {
	Invitation string    `json:"invitation" doc:"Its id."`
	Roles      []string  `json:"roles"`
	State      Word      `json:"state" enum:"open,accepted,revoked,expired"`
	ExpiresAt  time.Time `json:"expiresAt"`
	Invited    *string   `json:"invited" doc:"Who was meant, in the words of who invited; null: nobody was named, or it was erased."`
	Erased     bool      `json:"erased"`
	InvitedBy  Actor     `json:"invitedBy"`
	AcceptedBy *string   `json:"acceptedBy" doc:"KIND:ID."`
	Revision   int64     `json:"revision"`
}

// InvitationWish is the body of POST .../invitations.
type InvitationWish struct {
	Roles     []string `json:"roles" need:"yes" minItems:"1" doc:"What is offered; nobody offers what they could not grant."`
	ExpiresIn string   `json:"expiresIn" doc:"How long the link is good: 72h; at most 30 days." example:"72h"`
	Invited   string   `json:"invited" doc:"Who is meant: a name or an address, for the list of invitations. It is sealed."`
}

// MadeInvitation is the answer to it.
type MadeInvitation struct {
	Invitation string    `json:"invitation"`
	Link       string    `json:"link" doc:"A path of the server, with the secret behind the #. It is shown this once; empty where the same request was carried out before."`
	Token      string    `json:"token" doc:"What stands behind the #."`
	ExpiresAt  time.Time `json:"expiresAt"`
	Changed
}

// TokenBody is the body of requests about a link that somebody holds.
type TokenBody struct {
	Token string `json:"token" need:"yes" doc:"The link, or what stands behind its #."`
}

// An Offer is what an invitation offers to whoever holds its link.
type Offer struct {
	Invitation   string    `json:"invitation"`
	Workspace    *string   `json:"workspace"`
	Organization *string   `json:"organization"`
	Name         string    `json:"name" doc:"Of the place, for people."`
	Roles        []string  `json:"roles"`
	ExpiresAt    time.Time `json:"expiresAt"`
}

func (a *API) invitationActions() []action {
	bodies := []int{http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType}
	token := openapi.Sends(openapi.Closed[TokenBody](), map[string]any{"token": "not-a-token"})
	all := []action{
		{openapi.Operation{
			Pattern: "POST /v1/invitations/offer", ID: "readOffer", Tag: "invitations", Summary: "Read what an invitation offers", Description: "For a person who holds its link; the secret goes in the body, where no log of addresses has it.",
			Body: token, Answers: []openapi.Answer{openapi.Says(http.StatusOK, "What is offered.", openapi.Of[Offer]())}, Refuses: changing(bodies...),
		}, access.Write, readOffer},
		{openapi.Operation{
			Pattern: "POST /v1/invitations/accept", ID: "acceptInvitation", Tag: "invitations", Summary: "Accept an invitation", Description: "As the person whose key or session it is. It works once; the same person again is a duplicate.",
			Body: token, Answers: []openapi.Answer{openapi.Says(http.StatusOK, "The roles are granted.", openapi.Of[Offer]())}, Refuses: changing(bodies...),
		}, access.Write, acceptInvitation},
	}
	for _, k := range places {
		all = append(all, invitationActions(k)...)
	}
	return all
}

func invitationActions(k placeKind) []action {
	here, manage := k.base+"/invitations", string(k.members)
	id := openapi.Parameter{Name: "invitation", In: "path", Shape: openapi.Text(), Description: "The id of an invitation.", Example: "0190a2a0-0000-7000-8000-000000000003"}
	return []action{
		{openapi.Operation{
			Pattern: "GET " + here, ID: "list" + k.ids + "Invitations", Tag: "invitations", Summary: "List the invitations to " + article(k.word), Permission: manage,
			Parameters: params(k.param, some("state", "Only those in one of these states.", "open", "accepted", "revoked", "expired"), asOfParam, atLeastParam, limitParam, cursorParam),
			Answers:    []openapi.Answer{openapi.Says(http.StatusOK, "A page of them.", openapi.Of[Page[Invitation]]())}, Refuses: reading(http.StatusNotFound, http.StatusPreconditionFailed),
		}, access.Admin, func(c *call) (answer, error) {
			found, err := ask[struct{ Invitations connection[Invitation] }](c, k, ", $states: [InvitationState!]",
				"invitations(states: $states, first: $first, after: $after) { nodes { invitation roles state expiresAt invited erased invitedBy { kind id name } acceptedBy revision }"+pageFields+" }", map[string]any{"states": c.words("state")})
			if err != nil {
				return answer{}, err
			}
			return found.Invitations.page(), nil
		}},
		{openapi.Operation{
			Pattern: "POST " + here, ID: "inviteTo" + k.ids, Tag: "invitations", Summary: "Invite somebody to " + article(k.word), Permission: manage, Parameters: params(k.param),
			Body: openapi.Sends(openapi.Closed[InvitationWish](), map[string]any{"roles": []string{"member"}, "expiresIn": "72h"}), Answers: []openapi.Answer{openapi.Says(http.StatusCreated, "The link.", openapi.Of[MadeInvitation]())},
			Refuses: changing(http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType),
		}, access.Admin, func(c *call) (answer, error) { return invite(c, k) }},
		{openapi.Operation{
			Pattern: "DELETE " + here + "/{invitation}", ID: "revoke" + k.ids + "Invitation", Tag: "invitations", Summary: "Take an invitation to " + article(k.word) + " back", Permission: manage,
			Parameters: params(k.param, id, reasonParam), Answers: changedAnswer("Its link opens nothing any more."), Refuses: changing(),
		}, access.Admin, func(c *call) (answer, error) {
			which, err := uuid.Parse(c.path("invitation"))
			if err != nil {
				return answer{}, invalid("invitation", "it is no id of an invitation")
			}
			return c.desk(func(d *people.Desk, p access.Principal, a people.Ask) (eventstore.Result, error) {
				return d.RevokeInvitation(c.ctx, p, people.InvitationChange{Ask: a, At: k.of(c), Invitation: which})
			})
		}},
	}
}

func invite(c *call, k placeKind) (answer, error) {
	var wish InvitationWish
	if err := c.decode(&wish); err != nil {
		return answer{}, err
	}
	a, err := c.asking()
	if err != nil {
		return answer{}, err
	}
	q := people.NewInvitation{Ask: a, At: k.of(c), Invited: wish.Invited}
	for _, word := range wish.Roles {
		role, err := domain.ParseRoleRef(word)
		if err != nil {
			return answer{}, err
		}
		q.Roles = append(q.Roles, role)
	}
	if wish.ExpiresIn != "" {
		if q.For, err = time.ParseDuration(wish.ExpiresIn); err != nil || q.For <= 0 {
			return answer{}, invalid("expiresIn", "it is no length of time ahead: write 72h")
		}
	}
	made, err := c.api.Desk.Invite(c.ctx, c.principal, q)
	if err != nil {
		return answer{}, atDesk(err)
	}
	return answer{status: http.StatusCreated, body: MadeInvitation{made.ID.String(), made.Link, made.Token, made.ExpiresAt, Changed{int64(made.Revision), made.Duplicate}}}, nil
}

// token is the one that the body of a call holds.
func (c *call) token() (string, error) {
	var body TokenBody
	if err := c.decode(&body); err != nil {
		return "", err
	}
	return people.TokenOf(body.Token), nil
}

func readOffer(c *call) (answer, error) {
	token, err := c.token()
	if err != nil {
		return answer{}, err
	}
	o, err := c.api.Desk.Offer(c.ctx, c.principal, token)
	if err != nil {
		return answer{}, atDesk(err)
	}
	return offered(o), nil
}

func acceptInvitation(c *call) (answer, error) {
	token, err := c.token()
	if err != nil {
		return answer{}, err
	}
	a, err := c.asking()
	if err != nil {
		return answer{}, err
	}
	o, _, err := c.api.Desk.AcceptInvitation(c.ctx, c.principal, a, token)
	if err != nil {
		return answer{}, atDesk(err)
	}
	return offered(o), nil
}

func offered(o people.Offer) answer {
	shown := Offer{Invitation: o.ID.String(), Name: o.Name, Roles: []string{}, ExpiresAt: o.ExpiresAt}
	for _, r := range o.Roles {
		shown.Roles = append(shown.Roles, r.String())
	}
	if at := string(o.At.Workspace); at != "" {
		shown.Workspace = &at
	}
	if at := string(o.At.Organization); at != "" {
		shown.Organization = &at
	}
	return answer{body: shown}
}
