package access

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
)

// How long keys live, and how near their end they say so.
const (
	personalLife = 90 * 24 * time.Hour
	maxLife      = 366 * 24 * time.Hour
	runLife      = 24 * time.Hour
	maxRunLife   = 30 * 24 * time.Hour
	// Notice is how long before its end a key announces it: in a header, a metric and `annals doctor`.
	Notice = 14 * 24 * time.Hour
)

// A Wish says what a new key is to be.
type Wish struct {
	Kind      Kind            // empty: Ingest where the only scope is ingest, else Personal or Service, as its holder is
	Name      string          // for people
	Scopes    []Scope         // at least one
	Workspace domain.Slug     // empty: every workspace
	Life      time.Duration   // 0: 90 days for a person's, a day for a run's, for ever for a service account's
	For       *ServiceAccount // whose key it is to be; nil: its maker's
	run       *domain.RunRef  // whose token it is to be: see [Keys.RunToken]
}

// A ServiceAccount is the holder of a key that no person holds.
type ServiceAccount struct {
	ID               uuid.UUID
	Organization     domain.Slug // that it belongs to
	DefaultWorkspace domain.Slug // of that organization
}

// complete checks a wish for a holder of a kind, and fills in what it leaves out.
func (w Wish) complete(holder domain.GranteeKind) (Wish, error) {
	if len(w.Scopes) == 0 {
		return w, &domain.Error{Code: domain.Required, Subject: "scopes", Message: "a key needs at least one of admin, write, ingest, read"}
	}
	for _, s := range w.Scopes {
		if _, err := ParseScope(string(s)); err != nil {
			return w, err
		}
	}
	w.Scopes = slices.Compact(slices.Sorted(slices.Values(w.Scopes)))
	if len(w.Name) > 200 {
		return w, &domain.Error{Code: domain.TooLong, Subject: "name", Message: "the name of a key has at most 200 bytes"}
	}
	if strings.ContainsRune(w.Name, 0) {
		return w, &domain.Error{Code: domain.Invalid, Subject: "name", Message: "the name of a key holds no NUL"}
	}
	if w.Workspace != "" {
		if _, err := domain.ParseSlug(string(w.Workspace)); err != nil {
			return w, err
		}
	}
	w, err := w.kind(holder)
	if err != nil {
		return w, err
	}
	return w.bounded(holder)
}

// kind settles the kind: it says in the key's text what the key is for.
func (w Wish) kind(holder domain.GranteeKind) (Wish, error) {
	ingests := slices.Equal(w.Scopes, []Scope{IngestOnly})
	switch {
	case w.run != nil:
		w.Kind = Run
	case w.Kind == "" && ingests:
		w.Kind = Ingest
	case w.Kind == "" && holder == domain.ServiceGrantee:
		w.Kind = Service
	case w.Kind == "":
		w.Kind = Personal
	}
	no := func(subject, message string) (Wish, error) {
		return w, &domain.Error{Code: domain.Invalid, Subject: subject, Message: message}
	}
	switch {
	case !known(w.Kind):
		return no("kind", "no such kind of key: choose of pat, sa, ing")
	case w.Kind == Run && w.run == nil:
		return no("kind", "the token of a run is made for a run: `annals run token RUN`")
	case w.Kind == Ingest && !ingests:
		return no("scopes", "a key of kind ing has the scope ingest and no other")
	case w.Kind == Service && holder != domain.ServiceGrantee:
		return no("kind", "a key of kind sa is a service account's: name the service account")
	case w.Kind == Personal && holder == domain.ServiceGrantee:
		return no("kind", "a key of kind pat is a person's: one of a service account is of kind sa or ing")
	}
	return w, nil
}

// bounded settles the life. People leave and laptops are lost, so that their keys always end.
func (w Wish) bounded(holder domain.GranteeKind) (Wish, error) {
	most, usual := maxLife, personalLife
	switch {
	case w.Kind == Run:
		most, usual = maxRunLife, runLife
	case holder == domain.ServiceGrantee:
		usual = 0
	}
	if w.Life < 0 || w.Life > most {
		return w, &domain.Error{Code: domain.Invalid, Subject: "expiresIn", Message: fmt.Sprintf("this key lives at most %d days", int(most.Hours()/24))}
	}
	if w.Life == 0 {
		w.Life = usual
	}
	return w, nil
}

// mayGrant refuses what the maker does not have.
func mayGrant(maker Principal, w Wish) error {
	for _, s := range w.Scopes {
		if !maker.Has(s) {
			return &Refusal{Status: 403, Code: "scope_missing", Message: fmt.Sprintf("this key has no scope %s and can give none", s)}
		}
	}
	if maker.Run != nil {
		return &Refusal{Status: 403, Code: "scope_missing", Message: "the token of a run makes no keys"}
	}
	if maker.Workspace != "" && w.Workspace != maker.Workspace {
		return &Refusal{Status: 403, Code: "scope_missing", Message: fmt.Sprintf("this key is bound to workspace %s and makes keys for it alone", maker.Workspace)}
	}
	return nil
}
