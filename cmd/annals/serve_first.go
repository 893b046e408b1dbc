package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// firstKeyLife is as long as a person's key may live at most. By its end there are others, or the next start makes one.
const firstKeyLife = 366 * 24 * time.Hour

// The things that every instance begins with.
const (
	firstOrganization = domain.Slug("personal")
	firstWorkspace    = domain.Slug("default")
)

// firstSteps are what the person who starts an instance is shown once: a key, and a link to sign in by.
type firstSteps struct{ key, link string }

// first creates what an empty instance begins with, and answers the first key and a link when they were made just now.
// An interrupted first start is taken up where it ended: every step is done once.
func (s *server) first(ctx context.Context, f serveFlags) (made firstSteps, err error) {
	if err := s.firstStreams(ctx); err != nil {
		return made, err
	}
	owner, err := s.firstOwner(ctx)
	if err != nil {
		return made, err
	}
	if err := s.adopt(ctx, owner); err != nil {
		return made, err
	}
	has, err := s.keys.HasAdmin(ctx, owner)
	if err != nil || (has && !f.newKey) {
		return made, err
	}
	if made.key, err = s.firstKey(ctx, f.data, owner); err != nil {
		return made, err
	}
	link, err := s.signIn.Link(ctx, owner, domain.Actor{Kind: "system", ID: "serve"})
	made.link = link.URL
	return made, err
}

// firstStreams creates the organization, the workspace and their owner.
func (s *server) firstStreams(ctx context.Context) error {
	var none *eventstore.NotFoundError
	switch info, err := s.store.Info(ctx, domain.WorkspaceStream(firstWorkspace)); {
	case err == nil && info.Last != domain.NoRevision:
		return nil
	case err != nil && !errors.As(err, &none):
		return fmt.Errorf("look for the first workspace: %w", err)
	}
	owner, err := s.firstOwner(ctx)
	if err != nil {
		return err
	}
	name, err := s.sealer.Seal(owner.String(), ownerName())
	if err != nil {
		return fmt.Errorf("seal the name of the first owner: %w", err)
	}
	for _, c := range []struct {
		stream  domain.Stream
		id      string
		command domain.Command
	}{
		{domain.AccountStream(owner), "first-owner", domain.RegisterAccount{Account: owner, Name: &name}},
		{domain.WorkspaceStream(firstWorkspace), "first-workspace", domain.CreateWorkspace{Slug: firstWorkspace, Name: "Personal", Organization: firstOrganization, Owner: owner}},
	} {
		if err := s.system(ctx, c.stream, c.id, c.command); err != nil {
			return err
		}
	}
	return nil
}

// firstOwner is the account that owns the first organization, which is created where there is none.
func (s *server) firstOwner(ctx context.Context) (uuid.UUID, error) {
	stream := domain.OrganizationStream(firstOrganization)
	owner, err := s.ownerOf(ctx, stream)
	if err != nil || owner != uuid.Nil {
		return owner, err
	}
	made, err := uuid.NewRandom()
	if err != nil {
		return uuid.Nil, fmt.Errorf("name the first owner: %w", err)
	}
	err = s.system(ctx, stream, "first-organization", domain.CreateOrganization{Slug: firstOrganization, Name: "Personal", Personal: true, Owner: made})
	var taken *domain.Error
	if err != nil && !(errors.As(err, &taken) && taken.Code == domain.AlreadyExists) { // another server was first
		return uuid.Nil, err
	}
	return s.ownerOf(ctx, stream)
}

func (s *server) ownerOf(ctx context.Context, organization domain.Stream) (uuid.UUID, error) {
	page, err := s.store.ReadStream(ctx, organization, 0, eventstore.Forward, 1)
	var none *eventstore.NotFoundError
	if errors.As(err, &none) || (err == nil && len(page.Events) == 0) {
		return uuid.Nil, nil
	}
	if err != nil {
		return uuid.Nil, fmt.Errorf("look for the first organization: %w", err)
	}
	created, ok := page.Events[0].Event.(domain.OrganizationCreated)
	if !ok {
		return uuid.Nil, fmt.Errorf("%s begins with %s", organization, page.Events[0].Type)
	}
	return created.Owner, nil
}

// system carries out a command of the server itself, once however often it is sent.
func (s *server) system(ctx context.Context, stream domain.Stream, id string, c domain.Command) error {
	_, err := s.commands.Execute(ctx, eventstore.Request{
		Stream: stream, CommandID: id, Forever: true, Digest: domain.Digest(sha256.Sum256([]byte(id))),
		OccurredAt: time.Now(), Meta: domain.Meta{Actor: domain.Actor{Kind: "system", ID: "serve"}}, Command: c,
	})
	if err != nil {
		return fmt.Errorf("create %s: %w", stream, err)
	}
	return nil
}

// ownerName is what the person who starts the first server is called.
func ownerName() string {
	u, err := user.Current()
	if err != nil {
		return "Owner"
	}
	return cmp.Or(u.Name, u.Username, "Owner")
}

// firstKey makes an admin's key. The file is written before the key is stored: a start that is interrupted in between
// finds the key in its file and stores it then, so that no key is valid that nobody knows.
func (s *server) firstKey(ctx context.Context, dir string, owner uuid.UUID) (string, error) {
	text, err := readLine(filepath.Join(dir, firstKeyFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the first key: %w", err)
	}
	if _, no := access.Parse(text); err != nil || no != nil || s.knows(ctx, text) {
		if text, _, err = access.Mint(access.Personal, rand.Reader); err != nil {
			return "", err
		}
		if err := writeFile(dir, firstKeyFile, text+"\n", 0o600); err != nil {
			return "", err
		}
	}
	maker := access.Principal{
		KeyID: "system", Scopes: []access.Scope{access.Admin}, Account: owner, Organization: firstOrganization, DefaultWorkspace: firstWorkspace,
	}
	_, err = s.keys.Adopt(ctx, maker, access.Wish{Name: "first key", Kind: access.Personal, Scopes: []access.Scope{access.Admin}, Life: firstKeyLife}, text)
	if err != nil {
		return "", fmt.Errorf("store the first key: %w", err)
	}
	return text, nil
}

// knows says whether a key was stored before, so that it cannot be stored again.
func (s *server) knows(ctx context.Context, text string) bool {
	_, err := s.keys.Check(ctx, text)
	return !errors.Is(err, access.ErrUnknown)
}

// keyFileMode is checked by doctor: the first key is for its owner alone.
func keyFileMode(dir string) (os.FileMode, error) {
	info, err := os.Stat(filepath.Join(dir, firstKeyFile))
	if err != nil {
		return 0, err
	}
	return info.Mode().Perm(), nil
}
