package signin

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/device"
	"github.com/annals-io/annals/domain"
)

// deviceGrant is the name of the device grant (RFC 8628).
const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

// An oauthError is a refusal in the words of RFC 6749.
type oauthError struct {
	Error       string `json:"error"`
	Description string `json:"error_description,omitempty"`
}

func refuseOAuth(w http.ResponseWriter, status int, code, description string) {
	w.Header().Set("Pragma", "no-cache")
	answerJSON(w, status, oauthError{code, description})
}

// form reads a request of a program: a form, nothing twice (RFC 6749, 3.2).
func oauthForm(w http.ResponseWriter, r *http.Request) (get func(string) string, ok bool) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if !strings.EqualFold(strings.TrimSpace(kind), "application/x-www-form-urlencoded") || r.ParseForm() != nil {
		refuseOAuth(w, http.StatusBadRequest, "invalid_request", "send a form: application/x-www-form-urlencoded")
		return nil, false
	}
	for name, values := range r.PostForm {
		if len(values) > 1 {
			refuseOAuth(w, http.StatusBadRequest, "invalid_request", name+" stands there twice")
			return nil, false
		}
	}
	return r.PostForm.Get, true
}

// title is a name that a program gives itself, as it may be shown; ok is false where it may not.
func titled(s string, most int) bool {
	return len(s) <= most && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// authorizeDevice begins a grant: POST /oauth/device_authorization.
func (h *Handler) authorizeDevice(w http.ResponseWriter, r *http.Request) {
	get, ok := oauthForm(w, r)
	if !ok {
		return
	}
	if err := h.limits.local("device "+h.From(r), byDevice); err != nil {
		announce(w, err)
		refuseOAuth(w, http.StatusTooManyRequests, "temporarily_unavailable", errTooMany.Message)
		return
	}
	want := device.Grant{Client: get("client_id"), Device: get("device_name"), Address: h.From(r), Workspace: domain.Slug(get("workspace"))}
	if want.Client == "" || !titled(want.Client, 100) || !titled(want.Device, 100) {
		refuseOAuth(w, http.StatusBadRequest, "invalid_request", "client_id is what the program calls itself, device_name what the machine does: at most 100 characters")
		return
	}
	for _, word := range strings.Fields(get("scope")) {
		scope, err := access.ParseScope(word)
		if err != nil {
			refuseOAuth(w, http.StatusBadRequest, "invalid_scope", "the scopes are admin, write, ingest and read")
			return
		}
		want.Scopes = append(want.Scopes, scope)
	}
	if len(want.Scopes) == 0 {
		want.Scopes = []access.Scope{access.Write}
	}
	if _, err := domain.ParseSlug(string(want.Workspace)); want.Workspace != "" && err != nil {
		refuseOAuth(w, http.StatusBadRequest, "invalid_request", "workspace is no slug")
		return
	}
	deviceCode, userCode, err := h.Devices.Start(r.Context(), want)
	if err != nil {
		h.oauthFailed(w, r, err)
		return
	}
	shown := device.Shown(userCode)
	answerJSON(w, http.StatusOK, map[string]any{
		"device_code": deviceCode, "user_code": shown, "verification_uri": h.Base + "/device",
		"verification_uri_complete": h.Base + "/device?user_code=" + shown,
		"expires_in":                int(device.Life / time.Second), "interval": int(device.Pause / time.Second),
	})
}

func (h *Handler) oauthFailed(w http.ResponseWriter, r *http.Request, err error) {
	h.Log.ErrorContext(r.Context(), "signing a program in failed", "err", err)
	w.Header().Set("Retry-After", "1")
	refuseOAuth(w, http.StatusServiceUnavailable, "temporarily_unavailable", "the server cannot answer now: try again in a second")
}

// token hands the key out when a grant was approved: POST /oauth/token.
func (h *Handler) token(w http.ResponseWriter, r *http.Request) {
	get, ok := oauthForm(w, r)
	if !ok {
		return
	}
	if err := h.limits.local("token "+h.From(r), byAddress); err != nil {
		announce(w, err)
		refuseOAuth(w, http.StatusTooManyRequests, "slow_down", errTooMany.Message)
		return
	}
	switch {
	case get("grant_type") == "":
		refuseOAuth(w, http.StatusBadRequest, "invalid_request", "grant_type is missing")
		return
	case get("grant_type") != deviceGrant:
		refuseOAuth(w, http.StatusBadRequest, "unsupported_grant_type", "the one grant there is: "+deviceGrant)
		return
	case get("device_code") == "" || get("client_id") == "":
		refuseOAuth(w, http.StatusBadRequest, "invalid_request", "device_code and client_id are needed")
		return
	}
	grant, of, err := h.Devices.Redeem(r.Context(), get("client_id"), get("device_code"))
	for _, no := range []error{device.ErrPending, device.ErrSlower, device.ErrExpired, device.ErrDenied, device.ErrInvalid} {
		if errors.Is(err, no) {
			refuseOAuth(w, http.StatusBadRequest, no.Error(), "")
			return
		}
	}
	var made access.Record
	var key string
	if err == nil {
		key, made, err = h.keyFor(r.Context(), of, grant)
	}
	var no *access.Refusal
	switch {
	case errors.As(err, &no) && no.Status < 500:
		refuseOAuth(w, http.StatusBadRequest, "access_denied", no.Message)
		return
	case err != nil:
		h.oauthFailed(w, r, err)
		return
	}
	answer := map[string]any{"access_token": key, "token_type": "Bearer", "scope": scopeText(grant.Scopes), "key_id": made.ID, "account": of}
	if made.ExpiresAt != nil {
		answer["expires_in"] = int(made.ExpiresAt.Sub(h.now()) / time.Second)
	}
	w.Header().Set("Pragma", "no-cache")
	answerJSON(w, http.StatusOK, answer)
}

// keyFor makes the key of a program for whoever said yes.
func (h *Handler) keyFor(ctx context.Context, of uuid.UUID, g device.Grant) (string, access.Record, error) {
	a, ok, err := h.Accounts.Find(ctx, of)
	if err != nil {
		return "", access.Record{}, err
	}
	if !ok || !a.Active() {
		return "", access.Record{}, errNobody
	}
	name := g.Client
	if g.Device != "" {
		name += " on " + g.Device
	}
	return h.Keys.Create(ctx, access.Principal{
		SessionID: "device", Name: a.Name, Scopes: []access.Scope{access.Admin}, Account: a.ID, Holder: domain.AccountGrantee,
		Organization: domain.Slug(a.Organization), DefaultWorkspace: domain.Slug(a.DefaultWorkspace),
	}, access.Wish{Kind: access.Personal, Name: name, Scopes: g.Scopes, Workspace: g.Workspace})
}

func scopeText(scopes []access.Scope) string {
	words := make([]string, len(scopes))
	for i, s := range scopes {
		words[i] = string(s)
	}
	return strings.Join(words, " ")
}

// metadata says where what is (RFC 8414), so that any client of the device grant finds it by the server's address.
func (h *Handler) metadata(w http.ResponseWriter, _ *http.Request) {
	answerJSON(w, http.StatusOK, map[string]any{
		"issuer": h.Base, "device_authorization_endpoint": h.Base + "/oauth/device_authorization", "token_endpoint": h.Base + "/oauth/token",
		"grant_types_supported": []string{deviceGrant}, "response_types_supported": []string{}, "token_endpoint_auth_methods_supported": []string{"none"},
		"scopes_supported": access.AllScopes,
	})
}
