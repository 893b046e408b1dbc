package history

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

const (
	beginSQL = `INSERT INTO log.imports (stream, last, origins, digest, checkpoints, instance, organization, importer)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`
	rowSQL    = `SELECT digest, done IS NOT NULL FROM log.imports WHERE stream = $1`
	takeSQL   = `UPDATE log.imports SET organization = $2, importer = $3 WHERE stream = $1 AND done IS NULL`
	undoSQL   = `DELETE FROM log.imports WHERE stream = $1 AND done IS NULL`
	doneSQL   = `UPDATE log.imports SET done = now() WHERE stream = $1 AND done IS NULL`
	aloneSQL  = `SELECT pg_try_advisory_lock(hashtextextended('annals import ' || $1, 0))`
	othersSQL = `SELECT pg_advisory_unlock(hashtextextended('annals import ' || $1, 0))`
)

// The stages of an import, as progress names them.
const (
	StageBodies = "bodies"
	StageEvents = "events"
)

// A Target is what is imported into: an event store.
type Target interface {
	eventstore.Appender
	Info(ctx context.Context, stream domain.Stream) (eventstore.StreamInfo, error)
}

// An Importer brings exports into an instance. It is safe for concurrent use.
type Importer struct {
	Log  Target
	Pool *pgxpool.Pool // of the database that the log lies in or beside
	Now  func() time.Time
	// Written is called when a workspace has come to be: who remembers what a stream is forgets it. It may be nil.
	Written func(domain.Stream)

	page int // events at once; 0: eventsAtOnce. Tests make many small steps
}

// A Bringing says what an export becomes here.
type Bringing struct {
	As           domain.Slug // the new workspace
	Organization domain.Slug // whose it is
	Owner        uuid.UUID   // the one account that has a right in it
	Actor        domain.Actor
}

// An Imported is what an import came to.
type Imported struct {
	Workspace domain.Slug     `json:"workspace"`
	UpTo      domain.Revision `json:"upTo" doc:"The last revision that was recorded elsewhere."`
	Revision  domain.Revision `json:"revision" doc:"The last revision of the workspace."`
	Events    int64           `json:"events" doc:"How many events were written now: fewer where an earlier attempt was cut off."`
	Already   bool            `json:"already" doc:"It had been imported before: nothing was written."`
}

// Import brings a proven export into a new workspace: events, ids, revisions and recorded times as they were, the bodies
// beside them, and the signed checkpoints. Until the last fact is there the workspace does not exist for anybody ([Veil]).
// An import that was cut off goes on where it was when the same export is imported under the same name again. Progress hears
// how far a stage is. Errors: *[domain.Error] with AlreadyExists where the name is taken, Conflict where another export is
// being imported under it or somebody is at it just now; those of the store.
func (i *Importer) Import(ctx context.Context, p *Proven, b Bringing, progress func(stage string, done, total int64)) (Imported, error) {
	stream := domain.WorkspaceStream(b.As)
	if !isWorkspace(p.Manifest.Stream) || p.Manifest.Last < 0 {
		return Imported{}, &domain.Error{Code: domain.Invalid, Subject: "export", Message: "it is of no workspace"}
	}
	if p.unknown != nil { // before anything is written
		return Imported{}, p.unknown
	}
	conn, err := i.Pool.Acquire(ctx)
	if err != nil {
		return Imported{}, fmt.Errorf("import %s: %w", b.As, err)
	}
	defer conn.Release()
	if err := i.alone(ctx, conn, stream); err != nil {
		return Imported{}, fmt.Errorf("import %s: %w", b.As, err)
	}
	defer func() { _, _ = conn.Exec(context.WithoutCancel(ctx), othersSQL, stream) }() // a connection that is gone holds no lock
	out := Imported{Workspace: b.As, UpTo: p.Manifest.Last}
	if out.Already, err = i.begin(ctx, stream, p, b); err != nil {
		return Imported{}, err
	}
	if !out.Already {
		out.Events, err = i.write(ctx, stream, p, b, progress)
		var other *eventstore.WrongExpectedError
		if errors.As(err, &other) && other.Expected == eventstore.NoStream { // somebody created it at this very moment: it is theirs
			_, undone := i.Pool.Exec(ctx, undoSQL, stream)
			return Imported{}, errors.Join(taken(b.As), undone)
		}
		if err != nil {
			return Imported{}, err
		}
	}
	info, err := i.Log.Info(ctx, stream)
	out.Revision = info.Last
	return out, err
}

// How long an import waits for another one under the same name to end, and how often it looks: PostgreSQL takes a moment
// to find that the server is gone that held the lock.
const (
	otherEnds = 10 * time.Second
	otherLook = 100 * time.Millisecond
)

// alone takes the lock of a name, for as long as the connection lives.
func (i *Importer) alone(ctx context.Context, conn *pgxpool.Conn, stream domain.Stream) error {
	for until := time.Now().Add(otherEnds); ; {
		var alone bool
		if err := conn.QueryRow(ctx, aloneSQL, stream).Scan(&alone); err != nil || alone {
			return err
		}
		if time.Now().After(until) {
			return &domain.Error{Code: domain.Conflict, Subject: "slug", Message: "somebody is importing into it just now: wait until that has ended, and look"}
		}
		select {
		case <-time.After(otherLook):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func taken(slug domain.Slug) error {
	return &domain.Error{Code: domain.AlreadyExists, Subject: "slug", Message: fmt.Sprintf("the slug %s is taken: choose another", slug)}
}

// begin marks the stream as one that is being imported. A name under which anything was ever written is taken.
func (i *Importer) begin(ctx context.Context, stream domain.Stream, p *Proven, b Bringing) (already bool, err error) {
	var digest []byte
	var done bool
	err = i.Pool.QueryRow(ctx, rowSQL, stream).Scan(&digest, &done)
	switch {
	case err == nil && domain.Digest(digest) != p.Digest && done:
		return false, taken(b.As)
	case err == nil && domain.Digest(digest) != p.Digest:
		return false, &domain.Error{Code: domain.Conflict, Subject: "slug", Message: "the import of another export under this name was cut off: finish that one by running it again, or choose another name"}
	case err == nil && done:
		return true, nil
	case err == nil:
		_, err = i.Pool.Exec(ctx, takeSQL, stream, b.Organization, b.Owner)
		return false, err
	case !errors.Is(err, pgx.ErrNoRows):
		return false, fmt.Errorf("look for an import of %s: %w", b.As, err)
	}
	info, err := i.Log.Info(ctx, stream)
	var none *eventstore.NotFoundError
	if err != nil && !errors.As(err, &none) {
		return false, err
	}
	if err == nil && info.Last != domain.NoRevision {
		return false, taken(b.As)
	}
	origins, err := json.Marshal(p.origins())
	if err != nil {
		return false, fmt.Errorf("write where %s comes from: %w", b.As, err)
	}
	notes, err := p.Checkpoints()
	if err != nil {
		return false, err
	}
	instance, err := p.Instance()
	if err != nil {
		return false, err
	}
	_, err = i.Pool.Exec(ctx, beginSQL, stream, p.Manifest.Last, origins, p.Digest[:], bundle.JoinNotes(notes), orEmpty(instance), b.Organization, b.Owner)
	if err != nil {
		return false, fmt.Errorf("mark %s as being imported: %w", b.As, err)
	}
	return false, nil
}

// origins are where the events were recorded: those of the export, and the workspace that it was made of.
func (p *Proven) origins() []bundle.Origin {
	m := &p.Manifest
	out := append([]bundle.Origin{}, m.Origins...)
	if n := len(out); n == 0 || out[n-1].UpTo < m.Last {
		out = append(out, bundle.Origin{Instance: m.Instance, Stream: m.Stream, UpTo: m.Last})
	}
	return out
}

// write brings everything over, from where an earlier attempt ended.
func (i *Importer) write(ctx context.Context, stream domain.Stream, p *Proven, b Bringing, progress func(string, int64, int64)) (written int64, err error) {
	if progress == nil {
		progress = func(string, int64, int64) {}
	}
	if err := i.bodies(ctx, stream, p, progress); err != nil {
		return 0, err
	}
	w, err := i.from(ctx, stream)
	if err != nil {
		return 0, err
	}
	total := p.Manifest.Counts.Events
	progress(StageEvents, int64(w.last)+1, total)
	for e, err := range p.Events(w.last + 1) {
		if err != nil {
			return 0, err
		}
		if err := w.add(ctx, *e); err != nil {
			return 0, err
		}
		if (e.Revision+1)%eventsAtOnce == 0 {
			progress(StageEvents, int64(e.Revision)+1, total)
		}
	}
	if err := w.flush(ctx); err != nil {
		return 0, err
	}
	if err := i.close(ctx, w, p, b); err != nil {
		return 0, err
	}
	if _, err := i.Pool.Exec(ctx, doneSQL, stream); err != nil {
		return 0, fmt.Errorf("mark %s as imported: %w", b.As, err)
	}
	if i.Written != nil {
		i.Written(stream)
	}
	progress(StageEvents, total, total)
	return w.written, nil
}

// bodies brings the evidence of the workspace over, before any event that refers to it.
func (i *Importer) bodies(ctx context.Context, stream domain.Stream, p *Proven, progress func(string, int64, int64)) error {
	k, err := newKeeper(ctx, i.Pool, stream)
	if err != nil {
		return err
	}
	var done int64
	for e, err := range p.Evidence() {
		if err != nil {
			return err
		}
		if done++; e.Stream != p.Manifest.Stream {
			continue // of the organization, which stays where it is
		}
		if err := k.add(ctx, e); err != nil {
			return err
		}
		if done%pieces == 0 {
			progress(StageBodies, done, p.Manifest.Counts.Evidence)
		}
	}
	return k.flush(ctx)
}

// close writes the facts behind the imported ones: those that an earlier attempt wrote are passed over.
func (i *Importer) close(ctx context.Context, w *appending, p *Proven, b Bringing) error {
	imported := domain.HistoryImported{Slug: b.As, Organization: b.Organization, Owner: b.Owner, UpTo: p.Manifest.Last, Export: p.Digest, Checkpoint: p.Last}
	for _, o := range p.origins() {
		imported.Origins = append(imported.Origins, domain.HistoryOrigin{Instance: o.Instance, Stream: o.Stream, UpTo: o.UpTo})
	}
	command := "import:" + p.Digest.String()
	for n, e := range p.closing.events(imported) {
		revision := p.Manifest.Last + 1 + domain.Revision(n)
		if revision <= w.last {
			continue
		}
		data, err := domain.Encode(e)
		if err != nil {
			return err
		}
		now := i.Now().UTC().Truncate(time.Microsecond)
		next := eventstore.NewEvent{Event: e, Data: data, Envelope: domain.Envelope{
			EventID: domain.EventID(w.stream, command, n), Type: e.EventType(), Version: domain.CurrentVersion(e.EventType()), Subject: e.Subject(),
			Revision: revision, RecordedAt: now, OccurredAt: now,
			Meta: domain.Meta{Actor: b.Actor, CommandID: command, Reason: "its history was imported, up to revision " + fmt.Sprint(p.Manifest.Last)},
		}}
		if !next.RecordedAt.After(w.at) {
			next.RecordedAt = w.at.Add(time.Microsecond)
		}
		if err := w.add(ctx, next); err != nil {
			return err
		}
	}
	return w.flush(ctx)
}
