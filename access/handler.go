package access

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/annals-io/annals/domain"
)

// Handler answers for keys over HTTP.
type Handler struct {
	Desk KeyDesk
	// Runs are the runs of a workspace with that id, which several jobs can have.
	Runs func(ctx context.Context, ws domain.Slug, id string) ([]domain.RunRef, error)
	Log  *slog.Logger
	// Fork is the short form of the course of events, for the cursors of lists; nil: there is only one.
	Fork func() string
}

// Register puts the routes on the mux.
func (h Handler) Register(m *Mux) {
	m.Handle("GET /v1/keys", Read, http.HandlerFunc(h.list))
	m.Handle("POST /v1/keys", Admin, http.HandlerFunc(h.create))
	m.Handle("GET /v1/keys/{id}", Read, http.HandlerFunc(h.show))
	m.Handle("DELETE /v1/keys/{id}", Read, http.HandlerFunc(h.revoke))
	m.Handle("POST /v1/keys/{id}/rotate", Admin, http.HandlerFunc(h.rotate))
	m.Handle("POST /v1/workspaces/{slug}/runs/{run}/token", Write, http.HandlerFunc(h.runToken))
}

// shown is a key as lists show it.
type shown struct {
	Record
	Status string `json:"status"` // active, ending, expired, revoked
}

func (h Handler) shown(r Record) shown {
	now := h.Desk.Keys.now()
	s := shown{Record: r, Status: "active"}
	switch {
	case r.RevokedAt != nil:
		s.Status = "revoked"
	case !r.Live(now):
		s.Status = "expired"
	case r.ExpiresAt != nil && r.ExpiresAt.Sub(now) <= Notice && r.Kind != Run:
		s.Status = "ending"
	}
	return s
}

func (h Handler) show(w http.ResponseWriter, r *http.Request) {
	p, _ := From(r.Context())
	record, err := h.Desk.Find(r.Context(), p, r.PathValue("id"))
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	answer(w, http.StatusOK, h.shown(record))
}

// wish is the body of POST /v1/keys.
type wish struct {
	Name      string   `json:"name"`
	Kind      Kind     `json:"kind"`
	Scopes    []string `json:"scopes"`
	Workspace string   `json:"workspace"`
	// ServiceAccount is whose key it is to be, by its id; Organization is the one it belongs to, else the asker's.
	ServiceAccount string `json:"serviceAccount"`
	Organization   string `json:"organization"`
	// ExpiresIn is a duration ("720h"), ExpiresAt a moment; neither: as the kind has it.
	ExpiresIn string     `json:"expiresIn"`
	ExpiresAt *time.Time `json:"expiresAt"`
}

func (v wish) read(now time.Time) (Wish, error) {
	w := Wish{Name: v.Name, Kind: v.Kind, Workspace: domain.Slug(v.Workspace)}
	for _, s := range v.Scopes {
		scope, err := ParseScope(s)
		if err != nil {
			return w, err
		}
		w.Scopes = append(w.Scopes, scope)
	}
	var err error
	w.Life, err = lifeOf(v.ExpiresIn, v.ExpiresAt, now)
	return w, err
}

// lifeOf reads how long a key is to live; 0 where nobody says.
func lifeOf(in string, at *time.Time, now time.Time) (time.Duration, error) {
	switch {
	case in != "" && at != nil:
		return 0, &domain.Error{Code: domain.Invalid, Subject: "expiresAt", Message: "say expiresIn or expiresAt, not both"}
	case in != "":
		d, err := time.ParseDuration(in)
		if err != nil || d <= 0 {
			return 0, &domain.Error{Code: domain.Invalid, Subject: "expiresIn", Message: fmt.Sprintf("%q is no length of time ahead: write 720h", clip(in))}
		}
		return d, nil
	case at != nil:
		if !at.After(now) {
			return 0, &domain.Error{Code: domain.Invalid, Subject: "expiresAt", Message: "that moment has passed"}
		}
		return at.Sub(now), nil
	}
	return 0, nil
}

// maxBody bounds the body of a request about keys.
const maxBody = 64 << 10

// read decodes the body of a request; an empty one where it may be left out.
func read(w http.ResponseWriter, r *http.Request, into any, optional bool) error {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if errors.Is(err, io.EOF) && optional {
		return nil
	}
	if err == nil && decoder.More() {
		err = errors.New("something follows it")
	}
	if err != nil {
		return &Refusal{Status: http.StatusBadRequest, Code: "invalid", Message: "the body is not what this takes: " + err.Error()}
	}
	return nil
}

func (h Handler) create(w http.ResponseWriter, r *http.Request) {
	p, _ := From(r.Context())
	var asked wish
	err := read(w, r, &asked, false)
	var wanted Wish
	if err == nil {
		wanted, err = asked.read(h.Desk.Keys.now())
	}
	if err == nil {
		wanted.For, err = serviceAccount(p, asked.ServiceAccount, asked.Organization)
	}
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	text, record, err := h.Desk.Create(r.Context(), p, wanted)
	h.made(w, r, text, record, err)
}

// made answers with a new key, or with why there is none.
func (h Handler) made(w http.ResponseWriter, r *http.Request, text string, record Record, err error) {
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	p, _ := From(r.Context())
	h.Log.InfoContext(r.Context(), "key created", "key", record.ID, "kind", record.Kind, "by", by(p), "scopes", record.Scopes)
	answer(w, http.StatusCreated, madeKey{h.shown(record), text})
}

func (h Handler) revoke(w http.ResponseWriter, r *http.Request) {
	p, _ := From(r.Context())
	record, err := h.Desk.Revoke(r.Context(), p, r.PathValue("id"))
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	h.Log.InfoContext(r.Context(), "key revoked", "key", record.ID, "by", by(p))
	answer(w, http.StatusOK, h.shown(record))
}

// change is the body of POST /v1/keys/{id}/rotate.
type change struct {
	Overlap string `json:"overlap"` // a length of time; empty: a day
}

func (h Handler) rotate(w http.ResponseWriter, r *http.Request) {
	p, _ := From(r.Context())
	var asked change
	if err := read(w, r, &asked, true); err != nil {
		h.refuse(w, r, err)
		return
	}
	overlap := UsualOverlap
	if asked.Overlap != "" {
		var err error
		if overlap, err = time.ParseDuration(asked.Overlap); err != nil {
			h.refuse(w, r, &domain.Error{Code: domain.Invalid, Subject: "overlap", Message: fmt.Sprintf("%q is no length of time: write 24h", clip(asked.Overlap))})
			return
		}
	}
	text, successor, old, err := h.Desk.Rotate(r.Context(), p, r.PathValue("id"), overlap)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	h.Log.InfoContext(r.Context(), "key rotated", "key", old.ID, "to", successor.ID, "by", by(p))
	answer(w, http.StatusCreated, rotatedKey{madeKey{h.shown(successor), text}, h.shown(old)})
}

func (h Handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var no *Refusal
	var rule *domain.Error
	if !errors.As(err, &no) && !errors.As(err, &rule) {
		h.Log.ErrorContext(r.Context(), "keys", "err", err)
	}
	Refuse(w, err)
}

// answer writes one JSON document, whole or not at all.
func answer(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		Refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // a client that went away needs no answer
}
