package access

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
)

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
