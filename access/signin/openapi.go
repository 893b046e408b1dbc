package signin

import (
	"net/http"

	"github.com/annals-io/annals/rest/openapi"
)

// The bodies of forms, for programs that send them as JSON.
type (
	loginBody struct {
		Login    string `json:"login" need:"yes"`
		Password string `json:"password" need:"yes"`
		Next     string `json:"next,omitempty" doc:"The path to go on to."`
	}
	linkBody struct {
		Token    string `json:"token" need:"yes" doc:"What stands behind the # of the link."`
		Login    string `json:"login,omitempty" doc:"With a link for somebody new: the name to sign in with."`
		Name     string `json:"name,omitempty"`
		Password string `json:"password,omitempty"`
		Slug     string `json:"slug,omitempty" doc:"Of the personal organization."`
	}
	acceptBody struct {
		linkBody
		How string `json:"how,omitempty" doc:"new: make an account; member: sign in first; empty: as whoever is signed in."`
	}
	passwordBody struct {
		Login    string `json:"login,omitempty" doc:"The name to sign in with, where there is none yet."`
		Current  string `json:"current,omitempty"`
		Password string `json:"password" need:"yes"`
	}
	nameBody struct {
		Name string `json:"name" need:"yes"`
	}
	unlinkBody struct {
		Issuer string `json:"issuer,omitempty"`
		Unlink string `json:"unlink,omitempty" doc:"The subject to unlink; empty: link another."`
	}
	sessionBody struct {
		ID string `json:"id,omitempty" doc:"The one to end; empty: all others."`
	}
	decisionBody struct {
		UserCode string `json:"user_code" need:"yes"`
		Decision string `json:"decision,omitempty" doc:"approve or deny; empty: show what is asked for."`
	}
	emptyBody  struct{}
	deviceForm struct {
		ClientID   string `json:"client_id" need:"yes" doc:"What the program calls itself."`
		Scope      string `json:"scope,omitempty" doc:"Of the key: words of admin, write, ingest, read; write where empty."`
		DeviceName string `json:"device_name,omitempty"`
		Workspace  string `json:"workspace,omitempty" doc:"The only one that the key is to be good for."`
	}
	tokenForm struct {
		GrantType  string `json:"grant_type" need:"yes"`
		DeviceCode string `json:"device_code" need:"yes"`
		ClientID   string `json:"client_id" need:"yes"`
	}
	sessionPage struct {
		Items      []one   `json:"items"`
		NextCursor *string `json:"nextCursor"`
		TotalCount int     `json:"totalCount"`
	}
	personPage struct {
		Items      []person `json:"items"`
		NextCursor *string  `json:"nextCursor"`
		TotalCount int      `json:"totalCount"`
	}
	ended struct {
		Ended int64 `json:"ended"`
	}
)

const (
	htmlMedia = "text/html"
	formMedia = "application/x-www-form-urlencoded"
)

// shows are answers that people see as a page and programs as JSON.
func shows(statuses ...int) (all []openapi.Answer) {
	anyObject := openapi.As(openapi.Schema{Type: "object"})
	about := map[int]string{
		http.StatusOK: "The page; for programs, what was done.", http.StatusSeeOther: "It goes on elsewhere.",
		http.StatusBadRequest: "A value breaks a rule.", http.StatusUnauthorized: "Nobody is signed in, or the name or the password is wrong.",
		http.StatusForbidden: "A page of another site sent this, or it is not allowed.", http.StatusNotFound: "There is no such thing.",
		http.StatusConflict: "It is taken, or not offered here.", http.StatusGone: "It was used or has expired.",
		http.StatusUnsupportedMediaType: "The body is neither a form nor JSON.", http.StatusTooManyRequests: "Too many tries: come again after Retry-After seconds.",
		http.StatusServiceUnavailable: "The server, or another party, cannot answer now.",
	}
	for _, status := range append(statuses, http.StatusServiceUnavailable) {
		a := openapi.Answer{Status: status, Description: about[status]}
		if status != http.StatusSeeOther {
			a.Content = []openapi.Content{{Type: htmlMedia, Shape: openapi.Text()}, {Type: "application/json", Shape: anyObject}}
		}
		if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
			a.Headers = []openapi.Header{{Name: "Retry-After", Description: "After how many seconds to come again."}}
		}
		all = append(all, a)
	}
	return all
}

// sent is a body that is a form or JSON.
func sent(s openapi.Shape, example any) *openapi.Body {
	return &openapi.Body{Content: []openapi.Content{{Type: "application/json", Shape: s, Example: example}, {Type: formMedia, Shape: s}}}
}

// nextParameter is where to go on to.
var nextParameter = openapi.Parameter{Name: "next", In: "query", Description: "The path to go on to.", Shape: openapi.Text()}

// formStatuses are those of every form.
var formStatuses = []int{http.StatusOK, http.StatusSeeOther, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusUnsupportedMediaType}

func formOr(statuses ...int) []openapi.Answer {
	return shows(append(formStatuses[:len(formStatuses):len(formStatuses)], statuses...)...)
}

// Operations describes the routes of [Handler].
func (*Handler) Operations() []openapi.Operation {
	return append(append(pageOperations(), oauthOperations()...), selfOperations()...)
}

func pageOperations() []openapi.Operation {
	page := shows(http.StatusOK)
	or := shows(http.StatusOK, http.StatusSeeOther, http.StatusConflict)
	return []openapi.Operation{
		{Pattern: "GET /login", ID: "loginPage", Tag: "sign-in", Summary: "Show how to sign in, or who is", Parameters: []openapi.Parameter{nextParameter}, Answers: page},
		{
			Pattern: "POST /login", ID: "login", Tag: "sign-in", Summary: "Sign in by name and password",
			Description: "Sets the cookie of a session. An unknown name is answered as a wrong password is.",
			Body:        sent(openapi.Of[loginBody](), map[string]any{"login": "ann@example.org", "password": "correct horse battery"}),
			Answers:     formOr(http.StatusConflict, http.StatusTooManyRequests),
		},
		{Pattern: "POST /logout", ID: "logout", Tag: "sign-in", Summary: "End this session", Body: sent(openapi.Of[emptyBody](), map[string]any{}), Answers: formOr()},
		{Pattern: "GET /login/link", ID: "linkPage", Tag: "sign-in", Summary: "Show where to bring a link", Parameters: []openapi.Parameter{nextParameter}, Answers: page},
		{
			Pattern: "POST /login/link", ID: "redeemLink", Tag: "sign-in", Summary: "Sign in by a link, once", Body: sent(openapi.Of[linkBody](), map[string]any{"token": "annals_link_x"}),
			Answers: formOr(http.StatusConflict, http.StatusGone, http.StatusTooManyRequests),
		},
		{Pattern: "GET /login/password", ID: "passwordPage", Tag: "sign-in", Summary: "Show where to set a password", Answers: or},
		{
			Pattern: "POST /login/password", ID: "setPassword", Tag: "sign-in", Summary: "Set a password", Description: "Ends every session, and begins a new one here.",
			Body: sent(openapi.Of[passwordBody](), map[string]any{"current": "correct horse battery", "password": "another horse battery"}), Answers: formOr(http.StatusConflict, http.StatusTooManyRequests),
		},
		{Pattern: "POST /login/sessions", ID: "endSessions", Tag: "sign-in", Summary: "End a session, or all others", Body: sent(openapi.Of[sessionBody](), map[string]any{}), Answers: formOr()},
		{Pattern: "POST /login/name", ID: "rename", Tag: "sign-in", Summary: "Change what one is called", Body: sent(openapi.Of[nameBody](), map[string]any{"name": "Ann"}), Answers: formOr()},
		{
			Pattern: "GET /login/oidc", ID: "loginElsewhere", Tag: "sign-in", Summary: "Sign in at the other party", Parameters: []openapi.Parameter{nextParameter},
			Answers: shows(http.StatusSeeOther, http.StatusNotFound, http.StatusTooManyRequests),
		},
		{Pattern: "POST /login/oidc", ID: "linkIdentity", Tag: "sign-in", Summary: "Link this account with an identity at the other party, or unlink one", Body: sent(openapi.Of[unlinkBody](), map[string]any{}), Answers: formOr(http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests)},
		{
			Pattern: "GET /login/oidc/callback", ID: "loginReturn", Tag: "sign-in", Summary: "Come back from the other party",
			Parameters: []openapi.Parameter{{Name: "state", In: "query", Description: "As it was given out.", Shape: openapi.Text()}, {Name: "code", In: "query", Description: "Of the other party.", Shape: openapi.Text()}},
			Answers:    shows(http.StatusSeeOther, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusGone),
		},
		{Pattern: "GET /invitations/accept", ID: "invitationPage", Tag: "invitations", Summary: "Show where to bring an invitation", Answers: page},
		{
			Pattern: "POST /invitations/accept", ID: "acceptInvitationByLink", Tag: "invitations", Summary: "Accept an invitation, with a new account where there is none",
			Body:    sent(openapi.Of[acceptBody](), map[string]any{"token": "x", "how": "new", "login": "ann@example.org", "name": "Ann", "password": "correct horse battery"}),
			Answers: formOr(http.StatusNotFound, http.StatusConflict, http.StatusGone, http.StatusTooManyRequests),
		},
		{
			Pattern: "GET /device", ID: "devicePage", Tag: "sign-in", Summary: "Show where to type the code of a program",
			Parameters: []openapi.Parameter{{Name: "user_code", In: "query", Description: "The code, to be filled in.", Shape: openapi.Text()}}, Answers: shows(http.StatusOK, http.StatusSeeOther),
		},
		{
			Pattern: "POST /device", ID: "decideDevice", Tag: "sign-in", Summary: "See what a program asks for, and decide", Body: sent(openapi.Of[decisionBody](), map[string]any{"user_code": "WDJB-MJHT"}),
			Answers: formOr(http.StatusNotFound, http.StatusTooManyRequests),
		},
		{
			Pattern: "GET /login/assets/{file}", ID: "loginAsset", Tag: "documents", Summary: "Fetch a part of the sign-in pages",
			Parameters: []openapi.Parameter{{Name: "file", In: "path", Description: "Its name.", Shape: openapi.Text(), Example: "style.css"}},
			Answers:    []openapi.Answer{{Status: http.StatusOK, Description: "The part.", Content: []openapi.Content{{Type: "text/css", Shape: openapi.Text()}, {Type: "text/javascript", Shape: openapi.Text()}}}},
			Refuses:    []int{http.StatusNotFound},
		},
	}
}

func oauthOperations() []openapi.Operation {
	no := func(status int) openapi.Answer {
		return openapi.Says(status, "A refusal in the words of RFC 6749 and RFC 8628.", openapi.Of[oauthError]())
	}
	form := func(s openapi.Shape) *openapi.Body {
		return &openapi.Body{Content: []openapi.Content{{Type: formMedia, Shape: s}}}
	}
	object := openapi.As(openapi.Schema{Type: "object"})
	return []openapi.Operation{
		{
			Pattern: "POST /oauth/device_authorization", ID: "authorizeDevice", Tag: "sign-in", Summary: "Begin to sign a program in (RFC 8628)", Body: form(openapi.Of[deviceForm]()),
			Answers: []openapi.Answer{openapi.Says(http.StatusOK, "The codes.", object), no(http.StatusBadRequest), no(http.StatusTooManyRequests), no(http.StatusServiceUnavailable)},
		},
		{
			Pattern: "POST /oauth/token", ID: "deviceToken", Tag: "sign-in", Summary: "Ask whether a program was signed in (RFC 8628)", Body: form(openapi.Of[tokenForm]()),
			Answers: []openapi.Answer{openapi.Says(http.StatusOK, "A personal API key, as access_token.", object), no(http.StatusBadRequest), no(http.StatusTooManyRequests), no(http.StatusServiceUnavailable)},
		},
		{Pattern: "GET /.well-known/oauth-authorization-server", ID: "oauthMetadata", Tag: "sign-in", Summary: "Read where programs are signed in (RFC 8414)", Answers: []openapi.Answer{openapi.Says(http.StatusOK, "The addresses.", object)}},
	}
}

func selfOperations() []openapi.Operation {
	id := func(about, example string) []openapi.Parameter {
		return []openapi.Parameter{{Name: "id", In: "path", Description: about, Shape: openapi.Text(), Example: example}}
	}
	judge := func(verb, summary, about string, more ...openapi.Parameter) openapi.Operation {
		return openapi.Operation{
			Pattern: "POST /v1/accounts/{id}/" + verb, ID: verb + "Account", Tag: "sign-in", Summary: summary, Description: "For those who operate the server." + about,
			Parameters: append(append(id("The account, by id or login name.", "0190a8f0-0000-7000-8000-00000000000a"), openapi.Parameter{Name: "reason", In: "query", Description: "Why, for the history.", Shape: openapi.Text()}), more...),
			Answers:    []openapi.Answer{openapi.Says(http.StatusOK, "The account as it is now.", openapi.Of[person]())}, Refuses: []int{http.StatusNotFound, http.StatusConflict, http.StatusBadRequest},
		}
	}
	return []openapi.Operation{
		{Pattern: "GET /v1/whoami", ID: "whoami", Tag: "sign-in", Summary: "Read for whom a key or a session speaks", Answers: []openapi.Answer{openapi.Says(http.StatusOK, "Who it is.", openapi.Of[who]())}},
		{Pattern: "GET /v1/sessions", ID: "listSessions", Tag: "sign-in", Summary: "List one's own sessions", Answers: []openapi.Answer{openapi.Says(http.StatusOK, "The sessions.", openapi.Of[sessionPage]())}},
		{Pattern: "DELETE /v1/sessions", ID: "endOtherSessions", Tag: "sign-in", Summary: "End all of one's other sessions", Answers: []openapi.Answer{openapi.Says(http.StatusOK, "How many ended.", openapi.Of[ended]())}},
		{
			Pattern: "DELETE /v1/sessions/{id}", ID: "endSession", Tag: "sign-in", Summary: "End one of one's own sessions", Parameters: id("The session.", "ABCDEFGHIJKL"),
			Answers: []openapi.Answer{openapi.Says(http.StatusOK, "How many ended.", openapi.Of[ended]())}, Refuses: []int{http.StatusNotFound},
		},
		{
			Pattern: "POST /v1/login-links", ID: "createLoginLink", Tag: "sign-in", Summary: "Make a link to sign in by",
			Description: "It works once, for a day. For others than oneself, and for somebody new, it is made by those who operate the server.",
			Body:        openapi.Sends(openapi.Closed[linkWish](), map[string]any{"new": true}), Answers: []openapi.Answer{openapi.Says(http.StatusCreated, "The link.", openapi.Of[Link]())},
			Refuses: []int{http.StatusBadRequest, http.StatusNotFound},
		},
		{
			Pattern: "GET /v1/accounts", ID: "listAccounts", Tag: "sign-in", Summary: "List the people who sign in", Description: "For those who operate the server.",
			Answers: []openapi.Answer{openapi.Says(http.StatusOK, "The accounts.", openapi.Of[personPage]())},
		},
		judge("disable", "Shut a person out", " They count as an owner no more, wherever they own something. Where they are the only active owner of a place it is refused, unless somebody succeeds them.",
			openapi.Parameter{Name: "successor", In: "query", Description: "The account, by id or login name, that becomes an owner of every place where the person is the only active one.", Shape: openapi.Text()}),
		judge("enable", "Let a person in again", " They count as before, everywhere."),
	}
}
