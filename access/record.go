package access

import (
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
)

// Record is a key as it is kept: everything but its text.
type Record struct {
	ID               string             `json:"id"`
	Kind             Kind               `json:"kind"`
	Name             string             `json:"name"`
	Scopes           []Scope            `json:"scopes"`
	Workspace        *string            `json:"workspace"`
	Account          uuid.UUID          `json:"account"` // of the holder: a person or a service account, as Holder says
	Holder           domain.GranteeKind `json:"holder"`
	Organization     string             `json:"organization"`
	DefaultWorkspace string             `json:"defaultWorkspace"`
	CreatedAt        time.Time          `json:"createdAt"`
	CreatedBy        string             `json:"createdBy"` // the id of a key, account:ID of who was signed in, or system
	ExpiresAt        *time.Time         `json:"expiresAt"`
	LastUsedAt       *time.Time         `json:"lastUsedAt"` // within a minute
	RevokedAt        *time.Time         `json:"revokedAt"`
	Line             *string            `json:"-"` // the first key of its line; nil: itself
	Successor        *string            `json:"successor"`
	Run              *domain.RunRef     `json:"run"`
	Hash             []byte             `json:"-"`
}

// columns are those of a Record, by its fields.
const columns = `id, kind, name, scopes, workspace, account, holder, organization, default_workspace, created_at, created_by, expires_at,
	last_used_at, revoked_at, line, successor, run, hash`

// Live says whether the key opens anything at a moment, as far as the key itself goes.
func (r Record) Live(now time.Time) bool {
	return r.RevokedAt == nil && (r.ExpiresAt == nil || now.Before(*r.ExpiresAt))
}

// Who holds the key.
func (r Record) Who() domain.Grantee { return r.principal().Who() }

// line is the id of the first key of the record's line.
func (r Record) line() string {
	if r.Line != nil {
		return *r.Line
	}
	return r.ID
}

// stream is where the log tells of the key.
func (r Record) stream() domain.Stream {
	if r.Holder == domain.ServiceGrantee {
		return domain.OrganizationStream(domain.Slug(r.Organization))
	}
	return domain.AccountStream(r.Account)
}

// made is what the log says of the key's making.
func (r Record) made() domain.APIKeyCreated {
	e := domain.APIKeyCreated{Key: r.ID, Kind: string(r.Kind), Holder: r.Who(), Run: r.Run, ExpiresAt: r.ExpiresAt}
	for _, s := range r.Scopes {
		e.Scopes = append(e.Scopes, string(s))
	}
	if r.Workspace != nil {
		e.Workspace = domain.Slug(*r.Workspace)
	}
	return e
}

// principal is what the key may do.
func (r Record) principal() Principal {
	p := Principal{
		KeyID: r.ID, Kind: r.Kind, Name: r.Name, Scopes: r.Scopes, Account: r.Account, Holder: r.Holder, Run: r.Run,
		Organization: domain.Slug(r.Organization), DefaultWorkspace: domain.Slug(r.DefaultWorkspace),
	}
	if r.Workspace != nil {
		p.Workspace = domain.Slug(*r.Workspace)
	}
	if r.ExpiresAt != nil {
		p.Expires = *r.ExpiresAt
	}
	return p
}
