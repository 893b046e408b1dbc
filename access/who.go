package access

import (
	"context"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// Allows says whether the scopes of the credential let a permission through, whoever holds it.
func (p Principal) Allows(may domain.Permission) bool {
	return p.Scoped(domain.SetOf(may)).Has(may)
}

// HasServiceAccount says whether an organization has a service account of that id.
func (r *Rights) HasServiceAccount(ctx context.Context, org domain.Slug, id uuid.UUID) (bool, error) {
	seen, err := r.lens.See(ctx, eventstore.Sight{Stream: domain.OrganizationStream(org), Entity: domain.Entity{Kind: domain.KindServiceAccount, ID: id}})
	if err != nil {
		return false, err
	}
	return seen[0].Exists && !seen[0].Deleted, nil
}
