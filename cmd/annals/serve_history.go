package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/people"
	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/audit/history"
	"github.com/annals-io/annals/audit/seal"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/projections"
)

// historyAPI gives whole histories away and shows them as they happened.
type historyAPI struct {
	store   logStore
	engine  *projections.Engine
	rights  *access.Rights
	names   history.Revealer
	exports *history.Exporter
	imports *history.Importer
	desk    *people.Desk
	data    string // directory, in which exports lie while they are imported
	log     *slog.Logger
}

// histories is what answers for them.
func (s *server) histories(f serveFlags) historyAPI {
	a := historyAPI{store: s.store, engine: s.engine, rights: s.rights, names: s.sealer, log: s.log, desk: s.desk, data: f.data}
	if raw, ok := s.store.(history.Log); ok {
		a.exports = &history.Exporter{Log: raw, Pool: s.store.Pool(), Names: s.sealer, Now: time.Now}
		clearRooms(f.data) // of a server before this one
		a.imports = &history.Importer{Log: s.store, Pool: s.store.Pool(), Now: time.Now, Written: s.rights.Lens().Forget}
		if s.history != nil {
			a.exports.Seals, a.exports.Instance = seals{seal.Store{Pool: s.pool}, s.store.Pool()}, s.history.Signer.Key().Name
		}
	}
	return a
}

// eventsHeader says how many events an export is going to have.
const eventsHeader = "Annals-Events"

var errNoSuchWorkspace = &access.Refusal{Status: http.StatusNotFound, Code: "not_found", Message: "there is no such workspace", Field: "slug"}

// sees refuses who may not read a workspace: as one that is not there.
func (a historyAPI) sees(ctx context.Context, p access.Principal, ws domain.Slug) (domain.PermissionSet, error) {
	holds, err := a.rights.Holds(ctx, p, ws)
	if err != nil {
		return nil, err
	}
	if holds.Has(domain.ReadWorkspace) {
		return holds, nil
	}
	standing, err := a.rights.Workspace(ctx, p.Who(), ws)
	if err == nil && holds.Has(domain.IngestEvents) && !standing.Deleted {
		return holds, access.Lacking(domain.ReadWorkspace, "workspace "+string(ws))
	}
	return nil, errors.Join(err, errNoSuchWorkspace)
}

// export answers a workspace's history as a tar. A failure on the way cuts it: without its manifest it is none.
func (a historyAPI) export(w http.ResponseWriter, r *http.Request) {
	ws := domain.Slug(r.PathValue("slug"))
	p, _ := access.From(r.Context())
	holds, err := a.sees(r.Context(), p, ws)
	var no *access.Refusal
	if err != nil && !(errors.As(err, &no) && no.Status == http.StatusForbidden) {
		a.fail(w, r, err)
		return
	}
	if !holds.Has(domain.ExportHistory) {
		a.fail(w, r, access.Lacking(domain.ExportHistory, "workspace "+string(ws)))
		return
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	order := history.Order{Workspace: ws}
	if order.WithNames, err = readFlag(r, "names"); err != nil {
		a.fail(w, r, err)
		return
	}
	standing, err := a.rights.Workspace(r.Context(), p.Who(), ws)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	if may, err := a.rights.MayIn(r.Context(), p, standing.Organization, domain.ReadOrganization); err == nil && may {
		order.Organization = standing.Organization
	}
	info, err := a.store.Info(r.Context(), domain.WorkspaceStream(ws))
	if err != nil {
		a.fail(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/x-tar")
	h.Set("Content-Disposition", `attachment; filename="`+string(ws)+`.tar"`)
	h.Set("Cache-Control", "no-store")
	h.Set(eventsHeader, strconv.FormatInt(int64(info.Last)+1, 10))
	sink := &flushed{bundle.NewTar(w, time.Now()), http.NewResponseController(w)}
	_, err = a.exports.Export(r.Context(), sink, order, nil)
	if err == nil {
		err = sink.Close()
	}
	if err != nil {
		if r.Context().Err() == nil {
			a.log.ErrorContext(r.Context(), "an export was cut off", "workspace", ws, "err", err)
		}
		panic(http.ErrAbortHandler) // the head is sent: whoever reads must see that it is not whole
	}
}

// flushed sends each file as soon as it is there.
type flushed struct {
	*bundle.Tar
	control *http.ResponseController
}

func (f *flushed) Put(name string, content []byte) error {
	if err := f.Tar.Put(name, content); err != nil {
		return err
	}
	_ = f.control.Flush() // where it cannot be done, it is sent later
	return nil
}

func (a historyAPI) fail(w http.ResponseWriter, r *http.Request, err error) {
	access.Refuse(w, a.refusal(r, err))
}

// saidLine writes a line of an answer that goes on.
func saidLine(w http.ResponseWriter, v any) error {
	if err := json.NewEncoder(w).Encode(v); err != nil {
		return err
	}
	_ = http.NewResponseController(w).Flush() // where it cannot be done, it is sent later
	return nil
}

// seals are the checkpoints that the sealer keeps, and before them those of an imported part.
type seals struct {
	kept seal.Store
	pool *pgxpool.Pool
}

// sealedWithin bounds how long an export waits for its end to be sealed. Without a sealer it goes on unsealed.
const sealedWithin = 5 * time.Second

// Sealed is how many events of a stream are sealed, once that is as many as are asked for.
func (s seals) Sealed(ctx context.Context, stream domain.Stream, atLeast int64) (size int64, err error) {
	for until := time.Now().Add(sealedWithin); ; {
		last, ok, err := s.kept.Latest(ctx, stream)
		if err != nil {
			return 0, err
		}
		if ok && last.Size >= atLeast || time.Now().After(until) {
			return last.Size, nil
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return 0, err
		}
	}
}

// Notes are the checkpoints of at most so many events.
func (s seals) Notes(ctx context.Context, stream domain.Stream, size int64) (notes [][]byte, err error) {
	if notes, err = history.Notes(ctx, s.pool, stream); err != nil {
		return nil, err
	}
	for c, err := range s.kept.Checkpoints(ctx, stream) {
		if err != nil {
			return nil, err
		}
		if c.Size <= size {
			notes = append(notes, c.Note)
		}
	}
	return notes, nil
}

// Instance ties the last checkpoint of at most so many events to the instance's tree.
func (s seals) Instance(ctx context.Context, stream domain.Stream, size int64) ([]byte, error) {
	return s.kept.Ties(ctx, stream, size)
}
