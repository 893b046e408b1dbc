package signin

import (
	"net/http"
	"strings"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/device"
)

var errUserCode = &access.Refusal{Status: http.StatusNotFound, Code: "not_found", Message: "no program waits with that code: it may have been mistyped, or ten minutes have passed. Begin again where you were shown it"}

// waiting is what the page for a device shows.
type waiting struct {
	Code   string // as it is typed
	Grant  *device.Grant
	Place  string
	Person string
	Done   string // what was decided
}

// meaning says scopes to people.
var meaning = map[access.Scope]string{
	access.Admin: "everything that you may do", access.Write: "look at everything you may see, and change pipelines, runs, artifacts and models",
	access.IngestOnly: "send events in", access.Read: "look at everything you may see",
}

// Meanings are what the scopes of a grant let a program do.
func (w waiting) Meanings() (all []string) {
	if w.Grant == nil {
		return nil
	}
	for _, s := range w.Grant.Scopes {
		all = append(all, meaning[s])
	}
	return all
}

// devicePage asks for a code. One that came in the address is filled in, and nothing more: it is the person who says that
// it is theirs.
func (h *Handler) devicePage(w http.ResponseWriter, r *http.Request) {
	code := device.Shown(device.Typed(r.URL.Query().Get("user_code")))
	back := "/device"
	if code != "" {
		back += "?user_code=" + escape(code)
	}
	p, _, ok := h.signedIn(w, r, input{}, back)
	if !ok {
		return
	}
	h.page(w, r, http.StatusOK, "device.html", view{Title: "Sign a program in", Data: waiting{Code: code, Person: p.Name}})
}

// decide shows what a program asks for, and then, by a second form, takes the answer.
func (h *Handler) decide(w http.ResponseWriter, r *http.Request) {
	in, err := h.read(w, r)
	typed := device.Typed(in.get("user_code"))
	v := view{Title: "Sign a program in", Data: waiting{Code: device.Shown(typed)}}
	if err != nil {
		h.no(w, r, in, "device.html", v, err)
		return
	}
	p, _, ok := h.signedIn(w, r, in, "/device")
	if !ok {
		return
	}
	shown := waiting{Code: device.Shown(typed), Person: p.Name, Place: h.Base}
	answer := in.get("decision")
	found := false
	var grant device.Grant
	if err = h.limits.shared(r.Context(), "device", p.Account.String(), byCode); err == nil {
		grant, found, err = h.Devices.Look(r.Context(), typed)
	}
	if err == nil && found { // a code that is right was not guessed
		err = h.limits.again(r.Context(), "device", p.Account.String())
	}
	if err == nil && found && (answer == "approve" || answer == "deny") {
		found, err = h.Devices.Decide(r.Context(), typed, p.Account, answer == "approve")
		shown.Done = answer
	}
	if err == nil && !found {
		err, shown.Done = errUserCode, ""
	}
	if err == nil {
		shown.Grant = &grant
	}
	if grant.Workspace != "" {
		shown.Place += ", workspace " + string(grant.Workspace)
	}
	v.Data = shown
	if err != nil {
		announce(w, err)
		h.no(w, r, in, "device.html", v, err)
		return
	}
	if shown.Done != "" {
		h.Log.InfoContext(r.Context(), "a program asked to be signed in", "account", p.Account, "client", grant.Client, "decision", shown.Done)
	}
	if in.json {
		answerJSON(w, http.StatusOK, map[string]any{"client": grant.Client, "device": grant.Device, "scopes": grant.Scopes, "workspace": grant.Workspace, "expiresAt": grant.ExpiresAt, "decision": strings.TrimSpace(shown.Done)})
		return
	}
	h.page(w, r, http.StatusOK, "device.html", v)
}
