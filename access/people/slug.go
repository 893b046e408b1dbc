package people

import (
	"errors"
	"fmt"
	"strings"

	"github.com/annals-io/annals/domain"
)

// tries is how many slugs are tried where one is derived from a name.
const tries = 20

// derived are the slugs to try for something of a name, the plainest first: acme, acme-2, acme-3. They are the same for
// the same name, so that a request that is sent again comes to the slug that it took before.
func derived(name string, most int) []domain.Slug {
	base := string(domain.DeriveSlug(name))
	if base == "" {
		return nil
	}
	var out []domain.Slug
	for n := 1; n <= tries; n++ {
		suffix := ""
		if n > 1 {
			suffix = fmt.Sprintf("-%d", n)
		}
		slug := strings.Trim(base[:min(len(base), most-len(suffix))], "-") + suffix
		if domain.FreeSlug(slug) == nil {
			out = append(out, domain.Slug(slug))
		}
	}
	return out
}

// first takes the first slug that is free. Whatever else is refused ends it; where all are taken, the answer is that of
// the last one.
func first[T any](slugs []domain.Slug, take func(domain.Slug) (T, error)) (took T, err error) {
	for _, slug := range slugs {
		took, err = take(slug)
		if !errors.Is(err, domain.AlreadyExists) {
			return took, err
		}
	}
	return took, err
}

// candidates are the slugs to try: the one asked for, or those that a name gives.
func candidates(asked domain.Slug, name string, most int) ([]domain.Slug, error) {
	if asked != "" {
		return []domain.Slug{asked}, nil
	}
	if strings.TrimSpace(name) == "" {
		return nil, &domain.Error{Code: domain.Required, Subject: "name", Message: "the name is missing: give one, or a slug"}
	}
	slugs := derived(name, most)
	if len(slugs) == 0 {
		return nil, &domain.Error{Code: domain.Required, Subject: "slug", Message: "no slug can be made of this name: give one"}
	}
	return slugs, nil
}
