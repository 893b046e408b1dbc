//go:build unchecked

package access

import "github.com/annals-io/annals/domain"

// judged is everything, of whatever is there.
func judged(a domain.Access) domain.Access {
	if !a.Exists {
		return a
	}
	a.Holds = domain.SetOf(append(domain.Permissions(domain.WorkspaceLevel), domain.Permissions(domain.OrganizationLevel)...)...)
	return a
}
