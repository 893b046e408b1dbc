package access

import (
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/annals-io/annals/domain"
)

// tokenWish is the body of POST /v1/workspaces/{slug}/runs/{run}/token, which may be left out.
type tokenWish struct {
	ExpiresIn string `json:"expiresIn"` // the longest that the token lives; empty: a day
	Job       *job   `json:"job"`       // of a foreign run, where several jobs have runs of that id
}

type job struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// runToken mints the token of a run.
func (h Handler) runToken(w http.ResponseWriter, r *http.Request) {
	p, _ := From(r.Context())
	var asked tokenWish
	if err := read(w, r, &asked, true); err != nil {
		h.refuse(w, r, err)
		return
	}
	life, err := lifeOf(asked.ExpiresIn, nil, h.Desk.Keys.now())
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	slug := domain.Slug(r.PathValue("slug"))
	text, record, err := h.tokenOf(r, p, slug, r.PathValue("run"), asked, life)
	h.made(w, r, text, record, err)
}

func (h Handler) tokenOf(r *http.Request, p Principal, ws domain.Slug, id string, asked tokenWish, life time.Duration) (string, Record, error) {
	if _, err := domain.ParseSlug(string(ws)); err != nil {
		return "", Record{}, noWorkspace(ws)
	}
	if err := h.Desk.mayMint(r.Context(), p, ws); err != nil { // before anything is looked up there
		return "", Record{}, err
	}
	if !utf8.ValidString(id) || strings.ContainsRune(id, 0) || len(id) > domain.MaxName {
		return "", Record{}, noRun(id, ws)
	}
	run := domain.RunRef{ID: id}
	if asked.Job != nil {
		run.Job = domain.Name{Namespace: asked.Job.Namespace, Name: asked.Job.Name}
		return h.Desk.RunToken(r.Context(), p, ws, run, life)
	}
	found, err := h.Runs(r.Context(), ws, id)
	if err != nil {
		return "", Record{}, &UnavailableError{Cause: err}
	}
	switch len(found) {
	case 0: // nothing readable has it: a native run that was written a moment ago, or none
	case 1:
		run = found[0]
	default:
		jobs := make([]string, len(found))
		for i, f := range found {
			jobs[i] = f.Job.String()
		}
		return "", Record{}, conflict(fmt.Sprintf("several jobs have a run %s: name one of them as job: %s", clip(id), strings.Join(jobs, ", ")))
	}
	return h.Desk.RunToken(r.Context(), p, ws, run, life)
}
