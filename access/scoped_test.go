package access_test

import (
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
)

var everything = domain.SetOf(domain.Permissions(domain.OrganizationLevel)...)

func TestWhatACredentialLetsItsHolderUse(t *testing.T) {
	t.Parallel()
	member, _ := domain.BuiltinPermissions(domain.WorkspaceLevel, domain.Member)
	run := &domain.RunRef{ID: "r1"}
	for name, tt := range map[string]struct {
		p    access.Principal
		held domain.PermissionSet
		want []domain.Permission
	}{
		"admin: all that is held":    {access.Principal{Scopes: []access.Scope{access.Admin}}, everything, everything.List()},
		"admin: no more than held":   {access.Principal{Scopes: []access.Scope{access.Admin}}, domain.SetOf(domain.ReadWorkspace), []domain.Permission{domain.ReadWorkspace}},
		"write: what a member may":   {access.Principal{Scopes: []access.Scope{access.Write}}, everything, append(member, domain.ExportHistory, domain.ReadOrganization)},
		"write of a viewer: reads":   {access.Principal{Scopes: []access.Scope{access.Write}}, domain.SetOf(domain.ReadWorkspace), []domain.Permission{domain.ReadWorkspace}},
		"ingest: nothing else":       {access.Principal{Scopes: []access.Scope{access.IngestOnly}}, everything, []domain.Permission{domain.IngestEvents}},
		"read: looks":                {access.Principal{Scopes: []access.Scope{access.Read}}, everything, []domain.Permission{domain.ReadWorkspace, domain.ExportHistory, domain.ReadOrganization}},
		"read and ingest: both":      {access.Principal{Scopes: []access.Scope{access.Read, access.IngestOnly}}, everything, []domain.Permission{domain.ReadWorkspace, domain.IngestEvents, domain.ExportHistory, domain.ReadOrganization}},
		"a run's token: writes runs": {access.Principal{Scopes: []access.Scope{access.Write}, Run: run}, everything, []domain.Permission{domain.IngestEvents, domain.WriteRuns}},
		"a run's token of a viewer":  {access.Principal{Scopes: []access.Scope{access.Admin}, Run: run}, domain.SetOf(domain.ReadWorkspace), nil},
		"no scope: nothing":          {access.Principal{}, everything, nil},
		"what is held as false":      {access.Principal{Scopes: []access.Scope{access.Read}}, domain.PermissionSet{domain.ReadWorkspace: false}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tt.p.Scoped(tt.held).List(); !slices.Equal(got, tt.want) {
				t.Errorf("Scoped = %v, want %v", got, tt.want)
			}
		})
	}
	t.Run("and what is held stays as it was", func(t *testing.T) {
		t.Parallel()
		held := domain.SetOf(domain.ReadWorkspace)
		access.Principal{Scopes: []access.Scope{access.Admin}}.Scoped(held).Add(domain.DeleteWorkspaces)
		if held.Has(domain.DeleteWorkspaces) {
			t.Error("adding to the answer added to what is held")
		}
	})
}

func TestWhoACredentialSpeaksFor(t *testing.T) {
	t.Parallel()
	id := uuid.MustParse("6ba7b810-9dad-41d1-80b4-00c04fd430c8")
	for name, tt := range map[string]struct {
		p     access.Principal
		who   domain.Grantee
		actor domain.Actor
	}{
		"a person's key":          {access.Principal{KeyID: "k", Account: id}, domain.Person(id), domain.Actor{Kind: "account", ID: id.String(), Key: "k"}},
		"a service account's key": {access.Principal{KeyID: "k", Account: id, Holder: domain.ServiceGrantee}, domain.Grantee{Kind: domain.ServiceGrantee, ID: id.String()}, domain.Actor{Kind: "service_account", ID: id.String(), Key: "k"}},
		"a signed-in person":      {access.Principal{SessionID: "s", Account: id}, domain.Person(id), domain.Actor{Kind: "account", ID: id.String()}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.p.Who() != tt.who || tt.p.Actor() != tt.actor {
				t.Errorf("Who, Actor = %v, %v; want %v, %v", tt.p.Who(), tt.p.Actor(), tt.who, tt.actor)
			}
		})
	}
}

func TestATokenOfARunIsGoodForThatRun(t *testing.T) {
	t.Parallel()
	mine := domain.RunRef{ID: "r1", Job: domain.Name{Namespace: "airflow", Name: "etl"}}
	token := access.Principal{Scopes: []access.Scope{access.Write}, Workspace: "fraud", Run: &mine}
	for name, tt := range map[string]struct {
		p    access.Principal
		run  domain.RunRef
		want bool
	}{
		"its run":                    {token, mine, true},
		"another run":                {token, domain.RunRef{ID: "r2", Job: mine.Job}, false},
		"the same id of another job": {token, domain.RunRef{ID: "r1"}, false},
		"a key that is no token":     {access.Principal{}, mine, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tt.p.MayRun(tt.run); got != tt.want {
				t.Errorf("MayRun(%s) = %v, want %v", tt.run, got, tt.want)
			}
		})
	}
	if token.Allows(domain.ReadWorkspace) || token.Allows(domain.WriteArtifacts) || !token.Allows(domain.IngestEvents) {
		t.Error("the token of a run reads or writes all of its workspace, or cannot send events in")
	}
}
