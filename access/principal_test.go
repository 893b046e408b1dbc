package access

import (
	"errors"
	"testing"

	"github.com/annals-io/annals/domain"
)

func TestScopes(t *testing.T) {
	t.Parallel()
	type may struct{ read, ingest, write, admin, all bool }
	for name, tt := range map[string]struct {
		given Principal
		in    domain.Slug
		want  may
	}{
		"admin":                {Principal{Scopes: []Scope{Admin}}, "a", may{true, true, true, true, true}},
		"write":                {Principal{Scopes: []Scope{Write}}, "a", may{read: true, ingest: true, write: true}},
		"ingest":               {Principal{Scopes: []Scope{IngestOnly}}, "a", may{ingest: true}},
		"read":                 {Principal{Scopes: []Scope{Read}}, "a", may{read: true}},
		"read and ingest":      {Principal{Scopes: []Scope{Read, IngestOnly}}, "a", may{read: true, ingest: true}},
		"none":                 {Principal{}, "a", may{}},
		"unknown":              {Principal{Scopes: []Scope{"root"}}, "a", may{}},
		"bound, its workspace": {Principal{Scopes: []Scope{Admin}, Workspace: "a"}, "a", may{true, true, true, true, false}},
		"bound, another":       {Principal{Scopes: []Scope{Admin}, Workspace: "b"}, "a", may{}},
	} {
		p := tt.given
		everything := domain.SetOf(domain.Permissions(domain.WorkspaceLevel)...)
		holds := domain.PermissionSet{}
		if p.In(tt.in) {
			holds = p.Scoped(everything)
		}
		got := may{holds.Has(domain.ReadWorkspace), holds.Has(domain.IngestEvents), holds.Has(domain.WriteRuns), holds.Has(domain.ManageKeys), p.IsAdmin()}
		if got != tt.want {
			t.Errorf("%s: may %+v, want %+v", name, got, tt.want)
		}
	}
}

func TestTarget(t *testing.T) {
	t.Parallel()
	free := Principal{DefaultWorkspace: "default"}
	bound := Principal{DefaultWorkspace: "default", Workspace: "a"}
	for name, tt := range map[string]struct {
		given Principal
		named domain.Slug
		want  domain.Slug
		code  bool
	}{
		"nothing named":        {free, "", "default", false},
		"named":                {free, "b", "b", false},
		"bound":                {bound, "", "a", false},
		"bound and named":      {bound, "a", "a", false},
		"bound, another named": {bound, "b", "", true},
	} {
		got, err := tt.given.Target(tt.named)
		var mismatch *MismatchError
		if got != tt.want || errors.As(err, &mismatch) != tt.code {
			t.Errorf("%s: Target = %q, %v; want %q", name, got, err, tt.want)
		}
	}
}
