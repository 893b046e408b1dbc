package people

import (
	"context"
	"crypto/sha256"
	"strings"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// EnsurePersonal makes the personal organization of an account, with its default workspace, where there is none yet, and
// answers both. Its slug is derived from the person's name, of an e-mail address from what stands before the @; asked
// again with the same name it is the same organization. Slugs can be read by everybody and stay for ever: a caller that
// must not show names gives another one, such as none.
func (d *Desk) EnsurePersonal(ctx context.Context, account uuid.UUID, name string) (Organization, error) {
	if account == uuid.Nil {
		return Organization{}, &domain.Error{Code: domain.Required, Subject: "account", Message: "the account is missing"}
	}
	if was, _, err := d.opening(ctx, d.First); err != nil || was != nil && was.Owner == account {
		return Organization{Slug: d.First, Workspace: d.DefaultOf(d.First)}, err
	}
	local, _, _ := strings.Cut(name, "@")
	slugs := append(derived(local, longestOrganization), derived("user "+account.String()[:8], longestOrganization)...)
	command := "personal:" + account.String()
	return first(slugs, func(slug domain.Slug) (Organization, error) {
		r := eventstore.Request{
			Stream: domain.OrganizationStream(slug), CommandID: command, Forever: true, Digest: sha256.Sum256([]byte(command)),
			Meta: domain.Meta{Actor: domain.Actor{Kind: "account", ID: account.String()}},
		}
		return d.found(ctx, r, domain.CreateOrganization{Slug: slug, Name: domain.PersonalDefault, Personal: true, Owner: account})
	})
}

// person is the account that a principal is, for what only people do.
func person(p access.Principal) (uuid.UUID, error) {
	if p.Who().Kind != domain.AccountGrantee {
		return uuid.Nil, &domain.Error{Code: domain.Forbidden, Message: "this is for people: a service account cannot do it"}
	}
	return p.Account, nil
}
