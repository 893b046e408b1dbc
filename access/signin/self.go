package signin

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/account"
	"github.com/annals-io/annals/access/session"
	"github.com/annals-io/annals/domain"
)

// person is an account as programs see it.
type person struct {
	ID        uuid.UUID  `json:"id"`
	Name      string     `json:"name"`
	Login     *string    `json:"login"`
	Email     *string    `json:"email"`
	Disabled  bool       `json:"disabled"`
	CreatedAt *time.Time `json:"createdAt,omitempty"`
}

func personOf(a account.Account) person {
	return person{ID: a.ID, Name: a.Name, Login: a.Login, Email: a.Email, Disabled: a.DisabledAt != nil, CreatedAt: &a.CreatedAt}
}

// credential is by what a request was let in.
type credential struct {
	Kind      string         `json:"kind"` // session or key
	ID        string         `json:"id"`
	Name      string         `json:"name,omitempty"` // of a key
	Scopes    []access.Scope `json:"scopes"`
	Workspace *domain.Slug   `json:"workspace"` // the only one it is good for
	ExpiresAt *time.Time     `json:"expiresAt"`
}

// who is the answer of GET /v1/whoami.
type who struct {
	Holder           domain.Grantee `json:"holder"`
	Account          *person        `json:"account"` // null: a service account
	Credential       credential     `json:"credential"`
	Organization     domain.Slug    `json:"organization"`
	DefaultWorkspace domain.Slug    `json:"defaultWorkspace"`
	Operator         bool           `json:"operator"`
}

// whoami says for whom the credential of a request speaks.
func (h *Handler) whoami(w http.ResponseWriter, r *http.Request) {
	p, _ := access.From(r.Context())
	answer := who{Holder: p.Who(), Organization: p.Organization, DefaultWorkspace: p.DefaultWorkspace, Credential: credential{Kind: "key", ID: p.KeyID, Name: p.Name, Scopes: p.Scopes}}
	if p.SessionID != "" {
		answer.Credential = credential{Kind: "session", ID: p.SessionID, Scopes: p.Scopes}
	}
	if p.Workspace != "" {
		answer.Credential.Workspace = &p.Workspace
	}
	if !p.Expires.IsZero() {
		answer.Credential.ExpiresAt = &p.Expires
	}
	var err error
	if answer.Operator, err = h.Operator(r.Context(), p); err != nil {
		access.Refuse(w, h.refusalOf(r, err))
		return
	}
	if answer.Holder.Kind == domain.AccountGrantee {
		a, ok, err := h.Accounts.Find(r.Context(), p.Account)
		if err != nil {
			access.Refuse(w, h.refusalOf(r, err))
			return
		}
		answer.Account = &person{ID: p.Account}
		if ok {
			of := personOf(a)
			answer.Account = &of
		}
	}
	answerJSON(w, http.StatusOK, answer)
}

// one is a session as lists show it.
type one struct {
	session.Session
	Current   bool      `json:"current"`
	ExpiresAt time.Time `json:"expiresAt"` // when it ends unless it is used
}

func (h *Handler) listSessions(w http.ResponseWriter, r *http.Request) {
	p, _ := access.From(r.Context())
	if err := whole(p); err != nil {
		access.Refuse(w, err)
		return
	}
	all, err := h.Sessions.List(r.Context(), p.Account)
	if err != nil {
		access.Refuse(w, h.refusalOf(r, err))
		return
	}
	items := make([]one, len(all))
	for i, s := range all {
		items[i] = one{s, s.ID == p.SessionID, earlier(s.UsedAt.Add(session.Idle), s.CreatedAt.Add(session.Life))}
	}
	answerJSON(w, http.StatusOK, map[string]any{"items": items, "nextCursor": nil, "totalCount": len(items)})
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// deleteSessions ends every session but the one that asks.
func (h *Handler) deleteSessions(w http.ResponseWriter, r *http.Request) {
	p, _ := access.From(r.Context())
	err := whole(p)
	var n int64
	if err == nil {
		n, err = h.Sessions.EndOthers(r.Context(), p.Account, p.SessionID)
	}
	if err != nil {
		access.Refuse(w, h.refusalOf(r, err))
		return
	}
	answerJSON(w, http.StatusOK, map[string]any{"ended": n})
}

func (h *Handler) deleteSession(w http.ResponseWriter, r *http.Request) {
	p, _ := access.From(r.Context())
	err := whole(p)
	ok := false
	if err == nil {
		ok, err = h.Sessions.End(r.Context(), p.Account, r.PathValue("id"))
	}
	if err == nil && !ok {
		err = &access.Refusal{Status: http.StatusNotFound, Code: "not_found", Message: "you have no such session"}
	}
	if err != nil {
		access.Refuse(w, h.refusalOf(r, err))
		return
	}
	answerJSON(w, http.StatusOK, map[string]any{"ended": 1})
}

// mostAccounts bounds the list of accounts, which operators look through for an id.
const mostAccounts = 10_000

func (h *Handler) listAccounts(w http.ResponseWriter, r *http.Request) {
	p, _ := access.From(r.Context())
	err := h.operates(r.Context(), p)
	var all []account.Account
	if err == nil {
		all, err = h.Accounts.List(r.Context(), mostAccounts)
	}
	if err != nil {
		access.Refuse(w, h.refusalOf(r, err))
		return
	}
	items := make([]person, len(all))
	for i, a := range all {
		items[i] = personOf(a)
	}
	answerJSON(w, http.StatusOK, map[string]any{"items": items, "nextCursor": nil, "totalCount": len(items)})
}

// maxReason bounds why something was done, in bytes.
const maxReason = 2000

// disable lets operators shut a person out.
func (h *Handler) disable(w http.ResponseWriter, r *http.Request) { h.judge(w, r, h.Accounts.Disable) }

// enable lets operators let a person in again.
func (h *Handler) enable(w http.ResponseWriter, r *http.Request) { h.judge(w, r, h.Accounts.Enable) }

func (h *Handler) judge(w http.ResponseWriter, r *http.Request, do func(ctx context.Context, id uuid.UUID, v account.Verdict) error) {
	p, _ := access.From(r.Context())
	a, err := h.judged(r, p)
	reason := r.URL.Query().Get("reason")
	if err == nil && (len(reason) > maxReason || !utf8.ValidString(reason) || strings.ContainsRune(reason, 0)) {
		err = &domain.Error{Code: domain.Invalid, Subject: "reason", Message: "a reason is text of at most 2000 bytes"}
	}
	v := account.Verdict{By: p.Actor(), Reason: reason}
	if successor := r.URL.Query().Get("successor"); err == nil && successor != "" {
		v.Successor, err = h.successor(r.Context(), successor)
	}
	if err == nil {
		err = do(r.Context(), a.ID, v)
		h.Sessions.Forget()
	}
	if err == nil {
		a, _, err = h.Accounts.Find(r.Context(), a.ID)
	}
	if err != nil {
		access.Refuse(w, h.refusalOf(r, err))
		return
	}
	answerJSON(w, http.StatusOK, personOf(a))
}

// successor is the account that is to own what nobody else does, by its id or its login name.
func (h *Handler) successor(ctx context.Context, word string) (*uuid.UUID, error) {
	id, err := uuid.Parse(strings.TrimPrefix(word, string(domain.AccountGrantee)+":"))
	if err != nil {
		id, err = h.idOf(ctx, word)
	}
	if err == nil {
		var ok bool
		if _, ok, err = h.Accounts.Find(ctx, id); err == nil && !ok {
			err = errNobody
		}
	}
	if errors.Is(err, errNobody) {
		err = &domain.Error{Code: domain.NotFound, Subject: "successor", Message: "there is no such account"}
	}
	return &id, err
}

// judged is the account that a request of an operator is about, by its id or its login name.
func (h *Handler) judged(r *http.Request, p access.Principal) (account.Account, error) {
	if err := h.operates(r.Context(), p); err != nil {
		return account.Account{}, err
	}
	id, err := uuid.Parse(r.PathValue("id"))
	if err != nil {
		id, err = h.idOf(r.Context(), r.PathValue("id"))
	}
	if err != nil {
		return account.Account{}, err
	}
	if id == p.Account {
		return account.Account{}, &access.Refusal{Status: http.StatusConflict, Code: "self", Message: "this is your own account: another operator does that"}
	}
	a, ok, err := h.Accounts.Find(r.Context(), id)
	if err == nil && !ok {
		err = errNobody
	}
	return a, err
}
