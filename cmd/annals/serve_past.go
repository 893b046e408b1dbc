package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/audit/history"
	"github.com/annals-io/annals/domain"
)

// A server of the past shows an export, and nothing else: it has a directory and a database of its own, whoever has its key
// may read everything in it, and nothing can be changed.

// pastFlags are those of showing an export.
type pastFlags struct {
	dir        string // of the export; empty: this is a server as any other
	keys       []string
	unverified bool

	bundle *bundle.Bundle // opened
	looker uuid.UUID      // the account by which it is looked at: an owner's, who sees all of it listed
}

// show settles what is shown.
func (p *pastFlags) show(b *bundle.Bundle) (err error) {
	p.bundle = b
	p.looker, err = history.OwnerOf(b)
	return bundleFailure(err)
}

const readOnlyMessage = "this server shows an export, read-only: nothing can be changed here"

// readOnlyPaths are those of requests that change nothing though they are no GET: questions, and the signing in of those
// who have the key.
var readOnlyPaths = []string{"/graphql"}

// openPast opens and proves the export, and gives the server a directory of its own for it: beside the data directory of
// this machine's own instance, which is never touched.
func (a *app) openPast(ctx context.Context, f *serveFlags) (err error) {
	if f.databaseURL != "" || f.eventstore != "" {
		return usage("--history opens an export in a database of its own: leave out --database-url and --eventstore")
	}
	keys, err := verifierKeys(f.past.keys)
	if err != nil {
		return err
	}
	b, err := openBundle(f.past.dir)
	if err != nil {
		return err
	}
	digest, err := bundleName(b)
	if err != nil {
		return err
	}
	f.data = filepath.Join(filepath.Clean(f.data)+"-history", digest)
	if !f.past.unverified {
		if err := a.proveBundle(ctx, b, keys); err != nil {
			return err
		}
	}
	return f.past.show(b)
}

// bundleName is a name for what is made of an export: another export has another.
func bundleName(b *bundle.Bundle) (string, error) {
	content, err := os.ReadFile(filepath.Join(b.Dir(), bundle.ManifestFile))
	if err != nil {
		return "", fmt.Errorf("read the manifest: %w", err)
	}
	return string(b.Manifest.Workspace) + "-" + uuid.NewSHA1(uuid.Nil, content).String()[:13], nil
}

// looksOnly lets the one who looks read everything, and everybody do nothing else.
func looksOnly(who uuid.UUID) func(domain.Grantee, domain.Access) domain.Access {
	return func(g domain.Grantee, a domain.Access) domain.Access {
		a.Holds = domain.PermissionSet{}
		if a.Exists && g == domain.Person(who) {
			a.Holds = domain.SetOf(domain.ReadWorkspace, domain.ReadOrganization)
		}
		return a
	}
}

// layPast lays the export into the server's own log, makes the key by which it is looked at, and waits until it can be
// read. What an earlier start did is not done again.
func (s *server) layPast(ctx context.Context, a *app, f serveFlags) (key string, err error) {
	b := f.past.bundle
	who := f.past.looker
	if err := s.layNames(ctx, b); err != nil {
		return "", err
	}
	err = s.system(ctx, domain.AccountStream(who), "looker", domain.RegisterAccount{Account: who})
	var named *domain.Error
	if err != nil && !(errors.As(err, &named) && named.Code == domain.AlreadyExists) {
		return "", err
	}
	bars := &phases{a: a}
	defer bars.stop()
	i := &history.Importer{Log: s.store, Pool: s.store.Pool(), Now: time.Now}
	if err := i.Place(ctx, b, bars.tell); err != nil {
		return "", err
	}
	total := int64(b.Manifest.Last) + 1
	for last := int64(0); last < total; {
		at, err := s.engine.ProgressOf(ctx, b.Manifest.Workspace)
		switch {
		case err == nil && at.State == "paused":
			return "", (&failure{Exit: exitFailed, Code: "paused", Message: "the export holds events that this version cannot show"}).with("open it with a newer one")
		case err == nil:
			last = int64(at.Applied) + 1
		}
		bars.tell("made readable", last, total)
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return "", err
		}
	}
	return s.lookerKey(ctx, f.data, who, b.Manifest.Workspace)
}

// layNames has the people whose names came along be known by them.
func (s *server) layNames(ctx context.Context, b *bundle.Bundle) error {
	names, err := b.Names()
	if err != nil {
		return err
	}
	for _, n := range names {
		id, err := uuid.Parse(n.Subject)
		if err != nil {
			continue // a subject that is no account
		}
		sealed, err := s.sealer.Seal(n.Subject, n.Value)
		if err != nil {
			return err
		}
		if err := s.system(ctx, domain.AccountStream(id), "named", domain.RegisterAccount{Account: id, Name: &sealed}); err != nil {
			return err
		}
	}
	return nil
}

// lookerKey is the key by which the export is looked at: it reads, and no more.
func (s *server) lookerKey(ctx context.Context, dir string, who uuid.UUID, ws domain.Slug) (string, error) {
	text, err := readLine(filepath.Join(dir, firstKeyFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the key: %w", err)
	}
	if err == nil && s.knows(ctx, text) {
		return text, nil
	}
	if text, _, err = access.Mint(access.Personal, rand.Reader); err != nil {
		return "", err
	}
	if err := writeFile(dir, firstKeyFile, text+"\n", 0o600); err != nil {
		return "", err
	}
	maker := access.Principal{KeyID: "system", Scopes: []access.Scope{access.Read}, Account: who, DefaultWorkspace: ws}
	_, err = s.keys.Adopt(ctx, maker, access.Wish{Name: "key to look", Kind: access.Personal, Scopes: []access.Scope{access.Read}, Life: firstKeyLife}, text)
	if err != nil {
		return "", fmt.Errorf("store the key: %w", err)
	}
	return text, nil
}

// readOnly refuses whatever would change something, before anything is asked.
func readOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodGet, http.MethodHead, http.MethodOptions:
			next.ServeHTTP(w, r)
			return
		}
		for _, path := range readOnlyPaths {
			if r.URL.Path == path {
				next.ServeHTTP(w, r)
				return
			}
		}
		access.Refuse(w, &access.Refusal{Status: http.StatusForbidden, Code: "read_only", Message: readOnlyMessage})
	})
}

// welcomePast tells a person where the export is shown.
func (a *app) welcomePast(f serveFlags, address, key string) error {
	shown, m := f.base(address), &f.past.bundle.Manifest
	var b strings.Builder
	fmt.Fprintf(&b, "\nThe history of %s (%d events, of %s) is shown at %s\n\n", m.Workspace, m.Counts.Events, m.Instance, shown)
	fmt.Fprintf(&b, "  API key       %s\n                reads, and no more; kept in %s\n", key, displayPath(f.data, firstKeyFile))
	fmt.Fprintf(&b, "  in a browser  %s/graphql#key=%s\n\nTry:\n", shown, key)
	self := cmp.Or(a.self, "annals")
	for _, try := range []string{"run list", "log", "lineage ARTIFACT --up"} {
		fmt.Fprintf(&b, "  %s %s --data %s -w %s\n", self, try, f.data, m.Workspace)
	}
	fmt.Fprintf(&b, "\nNothing can be changed here. When you have done, delete %s\n\n", f.data)
	_, err := a.stdout.Write([]byte(b.String()))
	return err
}
