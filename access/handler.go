package access

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

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

// The sizes of pages of keys.
const (
	usualKeys = 500
	mostKeys  = 1000
)

func (h Handler) list(w http.ResponseWriter, r *http.Request) {
	p, _ := From(r.Context())
	q := r.URL.Query()
	f, err := h.filterOf(q)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	of, err := serviceAccount(p, q.Get("serviceAccount"), q.Get("organization"))
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	most := f.First
	f.First++ // whether there are more
	records, total, err := h.Desk.List(r.Context(), p, f, of, q.Get("everybody") == "true")
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	page := keyPage{Items: []shown{}, TotalCount: total}
	for i, record := range records {
		if i == most {
			cursor := placeOf(records[i-1]).cursor(h.fork())
			page.NextCursor = &cursor
			break
		}
		page.Items = append(page.Items, h.shown(record))
	}
	answer(w, http.StatusOK, page)
}

// filterOf reads which keys are asked for.
func (h Handler) filterOf(q url.Values) (f KeyFilter, err error) {
	f = KeyFilter{Workspace: domain.Slug(q.Get("workspace")), Kind: Kind(q.Get("kind")), Ended: q.Get("all") == "true", First: usualKeys}
	no := func(field, message string) (KeyFilter, error) {
		return KeyFilter{}, &Refusal{Status: http.StatusBadRequest, Code: string(domain.Invalid), Field: field, Message: message}
	}
	if f.Kind != "" && !known(f.Kind) {
		return no("kind", "no such kind of key: choose of pat, sa, ing, run")
	}
	if f.Workspace != "" {
		if _, err := domain.ParseSlug(string(f.Workspace)); err != nil {
			return KeyFilter{}, err
		}
	}
	if first := q.Get("first"); first != "" {
		if f.First, err = strconv.Atoi(first); err != nil || f.First < 1 || f.First > mostKeys {
			return no("first", fmt.Sprintf("first is a number of 1 to %d", mostKeys))
		}
	}
	if after := q.Get("after"); after != "" {
		if f.After, err = placeAt(after, h.fork()); errors.Is(err, errForked) {
			return KeyFilter{}, errForked
		} else if err != nil {
			return no("after", "after is the nextCursor of another page")
		}
	}
	return f, nil
}

func placeOf(r Record) KeyPlace { return KeyPlace{r.CreatedAt, r.ID} }

// errForked refuses a cursor of another course of events.
var errForked = &Refusal{Status: http.StatusGone, Code: "forked", Field: "after", Message: "a cursor from before the database was restored or copied: leave it out to begin at the first page"}

func (h Handler) fork() string {
	if h.Fork == nil {
		return ""
	}
	return h.Fork()
}

// cursor writes the place, in a course of events. [placeAt] reads it.
func (p KeyPlace) cursor(fork string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(p.CreatedAt.UTC().Format(time.RFC3339Nano) + " " + p.ID + " " + fork))
}

func placeAt(cursor, fork string) (*KeyPlace, error) {
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return nil, err
	}
	at, rest, _ := strings.Cut(string(raw), " ")
	id, in, _ := strings.Cut(rest, " ")
	t, err := time.Parse(time.RFC3339Nano, at)
	if err != nil || !alphanumeric(id) {
		return nil, errors.New("no place in a list of keys")
	}
	if in != fork {
		return nil, errForked
	}
	return &KeyPlace{t, id}, nil
}

// serviceAccount is the one that a request names, of the asker's organization where it names none; nil: it names none.
func serviceAccount(p Principal, id, organization string) (*ServiceAccount, error) {
	no := func(field, message string) (*ServiceAccount, error) {
		return nil, &Refusal{Status: http.StatusBadRequest, Code: string(domain.Invalid), Field: field, Message: message}
	}
	if id == "" {
		if organization != "" {
			return no("organization", "an organization has no keys itself: name a service account of it as well")
		}
		return nil, nil
	}
	account, err := uuid.Parse(id)
	if err != nil || account.String() != id {
		return no("serviceAccount", fmt.Sprintf("%q is no id of a service account", clip(id)))
	}
	org := p.Organization
	if organization != "" {
		if org, err = domain.ParseSlug(organization); err != nil {
			return no("organization", err.Error())
		}
	}
	of := &ServiceAccount{ID: account, Organization: org, DefaultWorkspace: domain.DefaultSlug(org)}
	if org == p.Organization {
		of.DefaultWorkspace = p.DefaultWorkspace
	}
	return of, nil
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
