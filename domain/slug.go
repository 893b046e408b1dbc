package domain

import (
	"fmt"
	"strings"
)

// The length of a slug that is chosen today, in bytes. Older ones may be shorter or longer: see [ParseSlug].
const (
	MinNewSlug = 3
	MaxNewSlug = 40
)

// defaultSuffix ends the slugs of default workspaces, and of no others.
const defaultSuffix = "-default"

// What default workspaces are called to begin with. That of a team organization may be renamed; that of a personal one
// keeps its name, by which its person finds it.
const (
	TeamDefault     = "Default"
	PersonalDefault = "Personal"
)

// DefaultSlug is the slug of an organization's default workspace. (That of the first organization is plainly default.)
func DefaultSlug(organization Slug) Slug { return organization + defaultSuffix }

// reservedSince are words that nothing new is called. They may be slugs of older things, which stay: [ParseSlug] takes them.
var reservedSince = map[Slug]bool{
	"auth": true, "docs": true, "login": true, "logout": true, "openapi": true, "organizations": true, "workspaces": true, "tenants": true,
	"static": true, "assets": true, "explorer": true, "invitations": true, "device": true, "well-known": true, "slugs": true,
}

// checkNewName refuses what cannot be the slug of something new, default workspaces apart.
func checkNewName(s Slug) error {
	if err := checkShape(s); err != nil {
		return err
	}
	if strings.HasSuffix(string(s), defaultSuffix) || s == "default" {
		return &Error{Code: Invalid, Subject: "slug", Message: fmt.Sprintf("%q is the name of a default workspace, which is made with its organization: choose another slug", s)}
	}
	return nil
}

func checkShape(s Slug) error {
	switch {
	case s == "":
		return &Error{Code: Required, Subject: "slug", Message: "the slug is missing"}
	case len(s) < MinNewSlug || len(s) > MaxNewSlug || !dashed.MatchString(string(s)):
		return &Error{Code: Invalid, Subject: "slug", Message: fmt.Sprintf("%q cannot be a slug: %d to %d of a-z, 0-9 and single dashes between them", clip(string(s)), MinNewSlug, MaxNewSlug)}
	case reservedSlugs[s] || reservedSince[s]:
		return &Error{Code: Invalid, Subject: "slug", Message: fmt.Sprintf("%q is reserved: choose another slug", s)}
	}
	return nil
}

// checkNewSlug refuses what cannot be the slug of a new workspace.
func checkNewSlug(c CreateWorkspace) error {
	if WorkspaceCreated(c).KindOf() != DefaultWorkspace {
		return checkNewName(c.Slug)
	}
	if c.Slug != "default" && c.Slug != DefaultSlug(c.Organization) {
		return &Error{Code: Invalid, Subject: "slug", Message: fmt.Sprintf("the default workspace of %s is called %s", c.Organization, DefaultSlug(c.Organization))}
	}
	return checkShape(c.Slug)
}

// FreeSlug checks a slug for something new as [CreateWorkspace] and [CreateOrganization] do, whether it is taken apart.
func FreeSlug(s string) error { return checkNewName(Slug(s)) }

// DeriveSlug makes a slug of a name for people: its letters and digits in lower case, with a dash for what lies between.
// It is empty where the name has too few of them.
func DeriveSlug(name string) Slug {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() == MaxNewSlug {
			break
		}
	}
	s := Slug(strings.Trim(b.String(), "-"))
	if checkNewName(s) != nil {
		return ""
	}
	return s
}
