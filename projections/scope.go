package projections

import (
	"strings"

	"github.com/annals-io/annals/domain"
)

// Read models hold workspaces, organizations and accounts alike: each has a number, revisions and a place in progress.
// A workspace goes by its slug, the others by a kind before theirs. No slug has a slash, so that no two meet.
const (
	organizationScope = "organization/"
	accountScope      = "account/"
)

// OrganizationScope is the name under which the read models know an organization.
func OrganizationScope(slug domain.Slug) domain.Slug { return organizationScope + slug }

// StreamOf is the stream that is projected under a name.
func StreamOf(scope domain.Slug) domain.Stream { return streamOf(scope) }

// Place says for people what a name of the read models means: "workspace lab", "organization acme".
func Place(scope domain.Slug) string {
	if slug, ok := OrganizationOf(scope); ok {
		return "organization " + string(slug)
	}
	if id, ok := strings.CutPrefix(string(scope), accountScope); ok {
		return "account " + id
	}
	return "workspace " + string(scope)
}

// AccountScope is the name under which the read models know an account, by its id.
func AccountScope(id string) domain.Slug { return accountScope + domain.Slug(id) }

// IsWorkspace says whether a name of the read models is a workspace's.
func IsWorkspace(scope domain.Slug) bool { return !strings.Contains(string(scope), "/") }

// scopeOf is the name under which a stream is projected into read models; ok is false where it is not.
func scopeOf(s domain.Stream) (name string, ok bool) {
	if slug, ok := s.Workspace(); ok {
		return string(slug), true
	}
	if slug, ok := strings.CutPrefix(string(s), "organization-"); ok {
		return organizationScope + slug, true
	}
	if id, ok := strings.CutPrefix(string(s), "account-"); ok {
		return accountScope + id, true
	}
	return "", false
}

// streamOf is the stream that is projected under a name.
func streamOf(scope domain.Slug) domain.Stream {
	if slug, ok := strings.CutPrefix(string(scope), organizationScope); ok {
		return domain.OrganizationStream(domain.Slug(slug))
	}
	if id, ok := strings.CutPrefix(string(scope), accountScope); ok {
		return domain.Stream("account-" + id)
	}
	return domain.WorkspaceStream(scope)
}

// OrganizationOf is the organization that a name of the read models stands for; ok is false where it is no organization's.
func OrganizationOf(scope domain.Slug) (slug domain.Slug, ok bool) {
	rest, ok := strings.CutPrefix(string(scope), organizationScope)
	return domain.Slug(rest), ok
}
