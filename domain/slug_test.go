package domain

import (
	"errors"
	"strings"
	"testing"
)

func TestNewSlugs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		slug, organization string
		kind               WorkspaceKind
		code               error
	}{
		{"lab", "acme", "", nil},
		{"a-1-b", "acme", ProjectWorkspace, nil},
		{strings.Repeat("a", 40), "acme", "", nil},
		{strings.Repeat("a", 41), "acme", "", Invalid},
		{"ab", "acme", "", Invalid},
		{"", "acme", "", Required},
		{"a--b", "acme", "", Invalid},
		{"-ab", "acme", "", Invalid},
		{"ab-", "acme", "", Invalid},
		{"Lab", "acme", "", Invalid},
		{"läb", "acme", "", Invalid},
		{"lab\x00", "acme", "", Invalid},
		{"docs", "acme", "", Invalid},
		{"acme-default", "acme", "", Invalid}, // not chosen: made with its organization
		{"acme-default", "acme", DefaultWorkspace, nil},
		{"lab", "acme", DefaultWorkspace, Invalid},
		{"acme-default", "other", DefaultWorkspace, Invalid},
		{"default", "personal", "", nil}, // of the first start
		{"default", "personal", ProjectWorkspace, Invalid},
		{"lab", "acme", "laboratory", Invalid},
	} {
		c := CreateWorkspace{Slug: Slug(tt.slug), Name: "Lab", Organization: Slug(tt.organization), Kind: tt.kind}
		if _, err := c.Decide(States{}); !errors.Is(err, tt.code) {
			t.Errorf("%q of %s, %q: %v, want %v", tt.slug, tt.organization, tt.kind, err, tt.code)
		}
	}
}

// Words that were reserved later still name what was called so before.
func TestOlderSlugsStay(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"docs", "auth", "a", "a--b", "acme-default", "default"} {
		if _, err := ParseSlug(s); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestDeriveSlug(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]Slug{
		"Churn Model":               "churn-model",
		"  --Fraud / 2026 (v2)!":    "fraud-2026-v2",
		"Ökonomie":                  "konomie",
		"日本":                        "",
		"ab":                        "",
		"API":                       "",
		strings.Repeat("word ", 20): "word-word-word-word-word-word-word-word",
	} {
		if got := DeriveSlug(name); got != want {
			t.Errorf("%q gives %q, want %q", name, got, want)
		}
	}
}

func TestOrganizations(t *testing.T) {
	t.Parallel()
	adas := Asker{ada, SetOf(organizationOwnerMay...)}
	for name, tt := range map[string]struct {
		command Command
		code    error
	}{
		"taken":                  {CreateOrganization{Slug: "acme", Name: "Acme"}, AlreadyExists},
		"no slug":                {CreateOrganization{Slug: "A", Name: "Acme"}, Invalid},
		"no room for -default":   {CreateOrganization{Slug: Slug(strings.Repeat("a", 33)), Name: "Acme"}, TooLong},
		"no name":                {CreateOrganization{Slug: "other"}, Required},
		"renamed":                {RenameOrganization{"acme", "Acme & Sons", adas}, nil},
		"renamed without a name": {RenameOrganization{"acme", " ", adas}, Required},
		"renamed by a member":    {RenameOrganization{"acme", "Mine", Asker{bob, SetOf(organizationMemberMay...)}}, Forbidden},
		"renamed where none is":  {RenameOrganization{"none", "Mine", adas}, NotFound},
		"described":              {DescribeOrganization{"acme", &Text{Evidence: Digest{1}}, adas}, nil},
	} {
		if err := acme().do(tt.command); !errors.Is(err, tt.code) {
			t.Errorf("%s: %v, want %v", name, err, tt.code)
		}
	}
}

func TestWorkspacesAreFiled(t *testing.T) {
	t.Parallel()
	staging, production, secret, team, none := Staging, Production, Confidential, "core", ""
	env := founded(WorkspaceCreated{Slug: "acme-staging", Name: "S", Organization: "acme", Kind: EnvironmentWorkspace, Environment: Staging})
	for _, tt := range []struct {
		given   *village
		command ClassifyWorkspace
		events  int
		code    error
	}{
		{env, ClassifyWorkspace{Environment: &staging}, 0, nil},
		{env, ClassifyWorkspace{Environment: &production, Sensitivity: &secret, Team: &team}, 3, nil},
		{env, ClassifyWorkspace{Environment: new(Environment)}, 0, Required},
		{lab(), ClassifyWorkspace{Environment: &production}, 0, Invalid},
		{lab(), ClassifyWorkspace{Team: &none}, 0, nil},
		{founded(WorkspaceArchived{}), ClassifyWorkspace{Team: &team}, 0, Archived},
	} {
		events, err := tt.command.Decide(tt.given.states)
		if !errors.Is(err, tt.code) || len(events) != tt.events {
			t.Errorf("%+v: %v, %v; want %d events and %v", tt.command, events, err, tt.events, tt.code)
		}
	}
}

func TestTheDefaultWorkspaceStays(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		created WorkspaceCreated
		code    error
	}{
		{WorkspaceCreated{Slug: "default"}, Invalid}, // written before kinds were said
		{WorkspaceCreated{Slug: "acme-default", Kind: DefaultWorkspace}, Invalid},
		{WorkspaceCreated{Slug: "lab"}, nil},
	} {
		if err := founded(tt.created).do(DeleteWorkspace{}); !errors.Is(err, tt.code) {
			t.Errorf("%+v: %v, want %v", tt.created, err, tt.code)
		}
	}
}
