package history

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/audit/leaf"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// Leaf is the hash of an event's leaf, as bundles want it. The event's Stream is the one that its leaf names.
func Leaf(e *eventstore.NewEvent) bundle.Hash {
	of := leaf.Of(e)
	return bundle.Hash(of.Hash())
}

// Seals are the signed checkpoints of streams.
type Seals interface {
	// Sealed waits a moment for a checkpoint of at least so many events, and says how many the last one is of.
	Sealed(ctx context.Context, stream domain.Stream, atLeast int64) (size int64, err error)
	// Notes are the checkpoints kept of a stream's tree that are of at most so many events, the oldest first.
	Notes(ctx context.Context, stream domain.Stream, size int64) ([][]byte, error)
	// Instance ties the last of them to the log of the instance; empty where there is nothing to tie.
	Instance(ctx context.Context, stream domain.Stream, size int64) ([]byte, error)
}

// A Revealer opens what names a person.
type Revealer interface {
	Reveal(p domain.Personal) (string, error)
}

// A Log is what is exported from: an event store.
type Log interface {
	eventstore.RawStreamReader
	Info(ctx context.Context, stream domain.Stream) (eventstore.StreamInfo, error)
}

// An Exporter makes exports. It is safe for concurrent use.
type Exporter struct {
	Log      Log
	Pool     *pgxpool.Pool // of the database that the log lies in or beside
	Seals    Seals         // nil: there are none
	Names    Revealer      // for exports with names; nil: there are none
	Instance string        // its name
	Now      func() time.Time
}

// An Order says what to export.
type Order struct {
	Workspace domain.Slug
	// Organization is exported too, where it is named: for who may read it.
	Organization domain.Slug
	WithNames    bool
}

// pageEvents is how many events are read at a time.
const pageEvents = 2000

// Export writes the history of a workspace, as far as it goes now, to a sink. Progress hears of events; it may be nil. A
// workspace that does not exist is *[eventstore.NotFoundError], and then nothing was written.
func (x *Exporter) Export(ctx context.Context, sink bundle.Sink, o Order, progress func(done, total int64)) (bundle.Manifest, error) {
	if progress == nil {
		progress = func(int64, int64) {}
	}
	stream := domain.WorkspaceStream(o.Workspace)
	total, err := x.length(ctx, stream)
	if err != nil {
		return bundle.Manifest{}, err
	}
	if x.Seals != nil { // to end where something is signed: what comes behind it would be proven by nothing
		sealed, err := x.Seals.Sealed(ctx, stream, total)
		if err != nil {
			return bundle.Manifest{}, fmt.Errorf("wait until %s is sealed: %w", stream, err)
		}
		total = max(total, sealed)
	}
	origins, err := Origins(ctx, x.Pool, stream)
	if err != nil {
		return bundle.Manifest{}, err
	}
	w := bundle.NewWriter(sink, bundle.Manifest{Instance: x.Instance, Workspace: o.Workspace, Stream: stream, Origins: origins}, Leaf)
	who := people{}
	err = x.stream(ctx, stream, total, func(e *eventstore.NewEvent) error {
		if o.WithNames {
			who.meet(e)
		}
		if (e.Revision+1)%pageEvents == 0 {
			progress(int64(e.Revision)+1, total)
		}
		return w.Event(e)
	})
	if err != nil {
		return bundle.Manifest{}, err
	}
	progress(total, total)
	if err := x.beside(ctx, w, o, stream, who); err != nil {
		return bundle.Manifest{}, err
	}
	var notes [][]byte
	var instance []byte
	if x.Seals != nil {
		if notes, err = x.Seals.Notes(ctx, stream, total); err == nil {
			instance, err = x.Seals.Instance(ctx, stream, total)
		}
		if err != nil {
			return bundle.Manifest{}, fmt.Errorf("read the checkpoints of %s: %w", stream, err)
		}
	}
	if err := w.Close(x.Now(), notes, instance); err != nil {
		return bundle.Manifest{}, err
	}
	return w.Manifest(), nil
}

// beside writes what is no event of the workspace.
func (x *Exporter) beside(ctx context.Context, w *bundle.Writer, o Order, stream domain.Stream, who people) error {
	if err := readEvidence(ctx, x.Pool, stream, w.Evidence); err != nil {
		return err
	}
	if o.Organization != "" {
		of := domain.OrganizationStream(o.Organization)
		last, err := x.length(ctx, of)
		if err == nil {
			err = x.stream(ctx, of, last, func(e *eventstore.NewEvent) error {
				if o.WithNames {
					who.meet(e)
				}
				return w.Other(e)
			})
		}
		if err == nil {
			err = readEvidence(ctx, x.Pool, of, w.Evidence)
		}
		if err != nil {
			return err
		}
	}
	if o.WithNames && x.Names != nil {
		return x.names(ctx, w, who)
	}
	return nil
}

// length is how many events a stream has now.
func (x *Exporter) length(ctx context.Context, stream domain.Stream) (int64, error) {
	info, err := x.Log.Info(ctx, stream)
	if err != nil {
		return 0, err
	}
	if info.Last == domain.NoRevision {
		return 0, &eventstore.NotFoundError{Stream: stream}
	}
	return int64(info.Last) + 1, nil
}

// stream hands on the first n events of a stream.
func (x *Exporter) stream(ctx context.Context, stream domain.Stream, n int64, each func(*eventstore.NewEvent) error) error {
	for from := int64(0); from < n; {
		page, err := x.Log.ReadRawStream(ctx, stream, domain.Revision(from), int(min(pageEvents, n-from)))
		if err != nil {
			return err
		}
		if len(page.Events) == 0 {
			return &eventstore.DamagedError{Stream: stream, Reason: fmt.Sprintf("revision %d is missing", from)}
		}
		for i := range page.Events {
			if err := each(&page.Events[i]); err != nil {
				return err
			}
		}
		from += int64(len(page.Events))
	}
	return nil
}

// people collects what names somebody, and whose accounts are spoken of.
type people map[string]bool // accounts, by id

// sealedName is where events hold names, whatever their type; account is where they name accounts.
type sealedName struct {
	Owner   string `json:"owner"`
	Account string `json:"account"`
	Member  struct {
		Kind string `json:"kind"`
		ID   string `json:"id"`
	} `json:"member"`
}

func (p people) meet(e *eventstore.NewEvent) {
	var meta struct {
		Actor domain.Actor `json:"actor"`
	}
	if json.Unmarshal(e.MetaData, &meta) == nil && meta.Actor.Kind == "account" {
		p[meta.Actor.ID] = true
	}
	var data sealedName
	if json.Unmarshal(e.Data, &data) != nil {
		return // of another shape: nobody is named there in a way that we know
	}
	for _, id := range []string{data.Owner, data.Account} {
		if id != "" {
			p[id] = true
		}
	}
	if data.Member.Kind == string(domain.AccountGrantee) {
		p[data.Member.ID] = true
	}
}

// names writes what the people are called, as far as it can be read.
func (x *Exporter) names(ctx context.Context, w *bundle.Writer, who people) error {
	for id := range who {
		stream := domain.Stream("account-" + id)
		n, err := x.length(ctx, stream)
		var none *eventstore.NotFoundError
		if errors.As(err, &none) {
			continue
		}
		if err != nil {
			return err
		}
		var last *domain.Personal
		err = x.stream(ctx, stream, n, func(e *eventstore.NewEvent) error {
			var said struct {
				Name *domain.Personal `json:"name"`
			}
			if e.Subject.Kind == domain.KindAccount && json.Unmarshal(e.Data, &said) == nil && said.Name != nil {
				last = said.Name
			}
			return nil
		})
		if err != nil {
			return err
		}
		if last == nil {
			continue
		}
		value, err := x.Names.Reveal(*last)
		if err != nil {
			continue // erased: it is not there any more
		}
		if err := w.Name(bundle.Name{Subject: last.Subject, Digest: sha256.Sum256(last.Sealed), Value: value}); err != nil {
			return err
		}
	}
	return nil
}
