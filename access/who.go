package access

import "github.com/annals-io/annals/domain"

// Allows says whether the scopes of the credential let a permission through, whoever holds it.
func (p Principal) Allows(may domain.Permission) bool {
	return p.Scoped(domain.SetOf(may)).Has(may)
}
