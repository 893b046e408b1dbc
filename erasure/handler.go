package erasure

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// A Handler is the door over HTTP.
type Handler struct {
	Door
	Log *slog.Logger
}

// Register puts the routes on the mux.
func (h Handler) Register(m *access.Mux) {
	m.Handle("POST /v1/workspaces/{slug}/erasures", access.Admin, h.of(func(r *http.Request) Request {
		return Request{Workspace: domain.Slug(r.PathValue("slug"))}
	}))
	m.Handle("POST /v1/organizations/{org}/erasures", access.Admin, h.of(func(r *http.Request) Request {
		return Request{Organization: domain.Slug(r.PathValue("org"))}
	}))
	m.Handle("POST /v1/accounts/{id}/erasure", access.Admin, h.of(func(r *http.Request) Request {
		return Request{Person: r.PathValue("id")}
	}))
}

// erasureRequest is what a request sends.
type erasureRequest struct {
	Subject string `json:"subject,omitempty" doc:"KIND:NAME, or KIND alone for the place itself."`
	Reason  string `json:"reason,omitempty" doc:"Why: it is kept in the history, where nothing erases it. It names nobody."`
	Confirm string `json:"confirm,omitempty" doc:"The subject once more; of a person, their id. Without it nothing is erased."`
	DryRun  bool   `json:"dryRun,omitempty" doc:"true: only count what would go."`
	Full    bool   `json:"full,omitempty" doc:"true: rewrite the file of evidence too, however large, also for what was erased before. Writers wait meanwhile."`
}

// maxBody bounds a request, in bytes.
const maxBody = 16 << 10

// of answers requests about what their paths name.
func (h Handler) of(about func(*http.Request) Request) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out, err := h.erase(r, about(r))
		if err == nil {
			var body []byte
			if body, err = json.Marshal(out); err == nil {
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Cache-Control", "no-store")
				_, _ = w.Write(append(body, '\n')) // a client that went away needs no answer
				return
			}
		}
		h.refuse(w, r, err)
	})
}

// erase asks who it is before it looks at what they send.
func (h Handler) erase(r *http.Request, q Request) (Outcome, error) {
	p, _ := access.From(r.Context())
	if err := h.Permit(r.Context(), p, q); err != nil {
		return Outcome{}, err
	}
	x, err := read(r)
	if err != nil {
		return Outcome{}, err
	}
	if q.Person != "" && x.Subject != "" {
		return Outcome{}, invalid("subject", "the path says who it is")
	}
	q.Subject, q.Reason, q.Confirm, q.DryRun, q.Full = x.Subject, x.Reason, x.Confirm, x.DryRun, x.Full
	return h.Erase(r.Context(), p, q)
}

func (h Handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var no *access.Refusal
	var rule *domain.Error
	var paused *eventstore.PausedError
	switch {
	case errors.As(err, &no), errors.As(err, &rule):
	case errors.As(err, &paused):
		err = &access.Refusal{Status: http.StatusServiceUnavailable, Code: "paused", Message: "the stream holds an event that this server does not know, and nobody can tell what is in it: start a newer server"}
	default:
		h.Log.ErrorContext(r.Context(), "erase", "err", err)
	}
	access.Refuse(w, err)
}

// read reads the body of a request.
func read(r *http.Request) (x erasureRequest, err error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return x, &access.Refusal{Status: http.StatusUnsupportedMediaType, Code: "unsupported_media_type", Message: "send the body as application/json", Field: "header Content-Type"}
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil || len(body) > maxBody {
		return x, invalid("body", fmt.Sprintf("the body could not be read to its end, or has more than %d bytes", maxBody))
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&x); err != nil {
		return x, invalid("body", "the body is no JSON object of the members that there are: "+err.Error())
	}
	return x, nil
}
