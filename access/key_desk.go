package access

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/annals-io/annals/domain"
)

// A KeyDesk is where keys are handled for those who ask: it judges whether they may, and then has [Keys] do it.
//
//   - Everybody handles their own keys.
//   - Those of a service account are handled by who manages service accounts in its organization. He does not get hold of
//     more than he has: a service account is never an owner, and who manages them is an admin of all there is.
//   - Keys that are bound to a workspace are seen and revoked by who manages keys in it.
//   - Every key is seen and revoked by the operators of the server.
//
// A credential that is bound to a workspace handles keys of that workspace alone. What somebody may not see looks like
// what is not there.
type KeyDesk struct {
	Keys   *Keys
	Rights *Rights
}

// may is what somebody may do with a key.
type may struct{ see, revoke, rotate bool }

func (d KeyDesk) with(ctx context.Context, p Principal, r Record) (may, error) {
	self, admin := r.ID == p.KeyID, p.Has(Admin) && p.Run == nil
	if p.Run != nil || p.Workspace != "" && (r.Workspace == nil || domain.Slug(*r.Workspace) != p.Workspace) {
		return may{see: self, revoke: self}, nil
	}
	if r.Who() == p.Who() {
		return may{see: self || p.Has(Read), revoke: self || admin, rotate: admin}, nil
	}
	if !admin {
		return may{}, nil
	}
	if r.Holder == domain.ServiceGrantee {
		ok, err := d.Rights.MayIn(ctx, p, domain.Slug(r.Organization), domain.ManageServiceAccounts)
		if err != nil || ok {
			return may{true, true, ok}, err
		}
	}
	if r.Workspace != nil {
		ok, err := d.Rights.May(ctx, p, domain.Slug(*r.Workspace), domain.ManageKeys)
		if err != nil || ok {
			return may{see: true, revoke: true}, err
		}
	}
	ok, err := d.Rights.Operator(ctx, p)
	return may{see: ok, revoke: ok}, err
}

// Find is a key that the asker may see.
func (d KeyDesk) Find(ctx context.Context, p Principal, id string) (Record, error) {
	r, _, err := d.find(ctx, p, id)
	return r, err
}

func (d KeyDesk) find(ctx context.Context, p Principal, id string) (Record, may, error) {
	r, err := d.Keys.Find(ctx, id)
	if err != nil {
		return Record{}, may{}, err
	}
	allowed, err := d.with(ctx, p, r)
	if err == nil && !allowed.see {
		err = ErrNoKey
	}
	if err != nil {
		return Record{}, may{}, err
	}
	return r, allowed, nil
}

// List is a page of keys: the asker's own, where the filter says no more; those bound to a workspace, all of them where he
// manages its keys; those of a service account that he manages; everybody's for operators.
func (d KeyDesk) List(ctx context.Context, p Principal, f KeyFilter, of *ServiceAccount, everybody bool) ([]Record, int, error) {
	if p.Run != nil {
		return nil, 0, lacking(Read)
	}
	if p.Workspace != "" {
		if f.Workspace != "" && f.Workspace != p.Workspace {
			return nil, 0, noWorkspace(f.Workspace)
		}
		f.Workspace = p.Workspace
	}
	switch {
	case everybody:
		ok, err := d.Rights.Operator(ctx, p)
		if err != nil {
			return nil, 0, err
		}
		if !ok {
			return nil, 0, forbidden("everybody's keys are for the operators of the server")
		}
	case of != nil:
		if err := d.manages(ctx, p, of); err != nil {
			return nil, 0, err
		}
		f.Holder = &domain.Grantee{Kind: domain.ServiceGrantee, ID: of.ID.String()}
	case f.Workspace != "":
		holds, err := d.Rights.Holds(ctx, p, f.Workspace)
		if err != nil {
			return nil, 0, err
		}
		if len(holds) == 0 {
			return nil, 0, noWorkspace(f.Workspace)
		}
		if !holds.Has(domain.ManageKeys) {
			me := p.Who()
			f.Holder = &me
		}
	default:
		me := p.Who()
		f.Holder = &me
	}
	return d.Keys.List(ctx, f)
}

// Create makes a key for the asker himself, or for the service account that the wish names.
func (d KeyDesk) Create(ctx context.Context, p Principal, w Wish) (string, Record, error) {
	if p.Workspace != "" && w.Workspace == "" {
		w.Workspace = p.Workspace
	}
	if err := mayGrant(p, w); err != nil { // first: what it says, the asker knows
		return "", Record{}, err
	}
	if w.For != nil {
		if err := d.manages(ctx, p, w.For); err != nil {
			return "", Record{}, err
		}
	}
	if err := d.backs(ctx, p, w); err != nil {
		return "", Record{}, err
	}
	return d.Keys.Create(ctx, p, w)
}

// Revoke ends a key for good.
func (d KeyDesk) Revoke(ctx context.Context, p Principal, id string) (Record, error) {
	r, allowed, err := d.find(ctx, p, id)
	if err != nil {
		return Record{}, err
	}
	if !allowed.revoke {
		return Record{}, lacking(Admin)
	}
	return d.Keys.Revoke(ctx, p, r.ID)
}

// Rotate makes a successor of a key. It shows a key to the asker: so it takes what making one does.
func (d KeyDesk) Rotate(ctx context.Context, p Principal, id string, overlap time.Duration) (text string, successor, old Record, err error) {
	_, allowed, err := d.find(ctx, p, id)
	if err != nil {
		return "", Record{}, Record{}, err
	}
	if !p.Has(Admin) {
		return "", Record{}, Record{}, lacking(Admin)
	}
	if !allowed.rotate {
		return "", Record{}, Record{}, forbidden("this key is another's: revoke it, and have its holder make a new one")
	}
	return d.Keys.Rotate(ctx, p, id, overlap)
}

// RunToken mints the token of a run of a workspace in which the asker may write runs.
func (d KeyDesk) RunToken(ctx context.Context, p Principal, ws domain.Slug, run domain.RunRef, life time.Duration) (string, Record, error) {
	if err := d.mayMint(ctx, p, ws); err != nil {
		return "", Record{}, err
	}
	return d.Keys.RunToken(ctx, p, ws, run, life)
}

// mayMint refuses who may not write the runs of a workspace.
func (d KeyDesk) mayMint(ctx context.Context, p Principal, ws domain.Slug) error {
	if p.Run != nil {
		return forbidden("the token of a run mints no tokens")
	}
	holds, deleted, err := d.there(ctx, p, ws)
	switch {
	case err != nil:
		return err
	case holds.Has(domain.WriteRuns) && deleted:
		return deletedWorkspace(ws)
	case holds.Has(domain.WriteRuns):
		return nil
	case len(holds) > 0 && !deleted:
		return Lacking(domain.WriteRuns, "workspace "+string(ws))
	}
	return noWorkspace(ws)
}

// there is what somebody may do in a workspace, and whether it was deleted.
func (d KeyDesk) there(ctx context.Context, p Principal, ws domain.Slug) (holds domain.PermissionSet, deleted bool, err error) {
	if holds, err = d.Rights.Holds(ctx, p, ws); err != nil || len(holds) == 0 {
		return nil, false, err
	}
	a, err := d.Rights.Workspace(ctx, p.Who(), ws)
	return holds, a.Deleted, err
}

func deletedWorkspace(ws domain.Slug) *Refusal {
	return &Refusal{Status: http.StatusGone, Code: string(domain.Gone), Field: "workspace", Message: fmt.Sprintf("workspace %s was deleted", ws)}
}

// manages refuses who does not manage the service accounts of an organization, and service accounts that are not there.
func (d KeyDesk) manages(ctx context.Context, p Principal, a *ServiceAccount) error {
	missing := &Refusal{Status: http.StatusNotFound, Code: string(domain.NotFound), Field: "serviceAccount", Message: fmt.Sprintf("there is no service account %s in organization %s", a.ID, a.Organization)}
	holds, err := d.Rights.HoldsIn(ctx, p, a.Organization)
	if err != nil {
		return err
	}
	if !holds.Has(domain.ManageServiceAccounts) {
		if holds.Has(domain.ReadOrganization) {
			return Lacking(domain.ManageServiceAccounts, "organization "+string(a.Organization))
		}
		return missing
	}
	there, err := d.Rights.HasServiceAccount(ctx, a.Organization, a.ID)
	if err == nil && !there {
		err = missing
	}
	return err
}

// backs refuses scopes with nothing behind them: a key for a workspace says no more than its maker may do there. One for
// every workspace is cut to what its holder may do in each, whenever it is used.
func (d KeyDesk) backs(ctx context.Context, p Principal, w Wish) error {
	if w.Workspace == "" {
		return nil
	}
	if _, err := domain.ParseSlug(string(w.Workspace)); err != nil {
		return err
	}
	holds, deleted, err := d.there(ctx, p, w.Workspace)
	if err != nil {
		return err
	}
	if len(holds) == 0 {
		return noWorkspace(w.Workspace)
	}
	if deleted {
		return deletedWorkspace(w.Workspace)
	}
	for _, s := range w.Scopes {
		if !backed(s, holds) {
			return forbidden(fmt.Sprintf("you may not do in workspace %s what the scope %s is for", w.Workspace, s))
		}
	}
	return nil
}

// backed says whether a scope gives anything that no weaker one gives, to somebody who holds these permissions.
func backed(s Scope, holds domain.PermissionSet) bool {
	switch s {
	case Read:
		return holds.Has(domain.ReadWorkspace)
	case IngestOnly:
		return holds.Has(domain.IngestEvents)
	}
	for have := range holds {
		writes := have != domain.ReadWorkspace && have != domain.ReadOrganization && have != domain.IngestEvents
		if holds[have] && writes && (s == Write || !(Principal{Scopes: []Scope{Write}}).Allows(have)) {
			return true
		}
	}
	return false
}

func forbidden(message string) *Refusal {
	return &Refusal{Status: http.StatusForbidden, Code: "permission_missing", Message: message}
}

func noWorkspace(ws domain.Slug) *Refusal {
	return &Refusal{Status: http.StatusNotFound, Code: string(domain.NotFound), Field: "workspace", Message: fmt.Sprintf("there is no workspace %q for this key", string(ws))}
}
