package access

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/annals-io/annals/domain"
)

// Handler answers for keys over HTTP: GET /v1/keys, POST /v1/keys, DELETE /v1/keys/{id}.
type Handler struct {
	Keys *Keys
	Log  *slog.Logger
}

// Register puts the routes on the mux; all of them need an admin.
func (h Handler) Register(m *Mux) {
	m.Handle("GET /v1/keys", Admin, http.HandlerFunc(h.list))
	m.Handle("POST /v1/keys", Admin, http.HandlerFunc(h.create))
	m.Handle("DELETE /v1/keys/{id}", Admin, http.HandlerFunc(h.revoke))
}

// shown is a key as lists show it.
type shown struct {
	Record
	Status string `json:"status"` // active, ending, expired, revoked
}

func (h Handler) show(r Record) shown {
	now := h.Keys.now()
	s := shown{Record: r, Status: "active"}
	switch {
	case r.RevokedAt != nil:
		s.Status = "revoked"
	case !r.Live(now):
		s.Status = "expired"
	case r.ExpiresAt != nil && r.ExpiresAt.Sub(now) <= Notice:
		s.Status = "ending"
	}
	return s
}

func (h Handler) list(w http.ResponseWriter, r *http.Request) {
	p, _ := From(r.Context())
	records, err := h.Keys.List(r.Context(), p, r.URL.Query().Get("all") == "true")
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	items := make([]shown, len(records))
	for i, record := range records {
		items[i] = h.show(record)
	}
	answer(w, http.StatusOK, map[string]any{"items": items, "nextCursor": nil, "totalCount": len(items)})
}

// wish is the body of POST /v1/keys.
type wish struct {
	Name      string   `json:"name"`
	Kind      Kind     `json:"kind"`
	Scopes    []string `json:"scopes"`
	Workspace string   `json:"workspace"`
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
	switch {
	case v.ExpiresIn != "" && v.ExpiresAt != nil:
		return w, &domain.Error{Code: domain.Invalid, Subject: "expiresAt", Message: "say expiresIn or expiresAt, not both"}
	case v.ExpiresIn != "":
		d, err := time.ParseDuration(v.ExpiresIn)
		if err != nil || d <= 0 {
			return w, &domain.Error{Code: domain.Invalid, Subject: "expiresIn", Message: fmt.Sprintf("%q is no length of time ahead: write 720h", v.ExpiresIn)}
		}
		w.Life = d
	case v.ExpiresAt != nil:
		if w.Life = v.ExpiresAt.Sub(now); w.Life <= 0 {
			return w, &domain.Error{Code: domain.Invalid, Subject: "expiresAt", Message: "that moment has passed"}
		}
	}
	return w, nil
}

// maxBody bounds the body of a request about keys.
const maxBody = 64 << 10

func (h Handler) create(w http.ResponseWriter, r *http.Request) {
	p, _ := From(r.Context())
	var asked wish
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&asked); err != nil {
		h.refuse(w, r, &Refusal{Status: http.StatusBadRequest, Code: "invalid", Message: "the body is no wish for a key: " + err.Error()})
		return
	}
	wanted, err := asked.read(h.Keys.now())
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	if p.Workspace != "" && wanted.Workspace == "" {
		wanted.Workspace = p.Workspace
	}
	text, record, err := h.Keys.Create(r.Context(), p, wanted)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	h.Log.InfoContext(r.Context(), "key created", "key", record.ID, "by", p.KeyID, "scopes", record.Scopes)
	answer(w, http.StatusCreated, struct {
		shown
		Key string `json:"key"`
	}{h.show(record), text})
}

func (h Handler) revoke(w http.ResponseWriter, r *http.Request) {
	p, _ := From(r.Context())
	record, err := h.Keys.Revoke(r.Context(), p, r.PathValue("id"))
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	h.Log.InfoContext(r.Context(), "key revoked", "key", record.ID, "by", p.KeyID)
	answer(w, http.StatusOK, h.show(record))
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
