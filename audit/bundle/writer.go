package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/annals-io/annals/audit/tree"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// A Sink takes the files of a bundle, each whole, in the order in which they are to lie in a stream.
type Sink interface {
	// Put takes a file of a name that was not taken before. The content is the caller's again when it returns.
	Put(name string, content []byte) error
}

// fileBytes is about how long a numbered file gets: short enough to be held in memory while it is made.
const fileBytes = 8 << 20

// A Writer writes a bundle. Events come by revision from 0 on; what else there is may come at any time before [Writer.Close].
type Writer struct {
	sink     Sink
	manifest Manifest
	leaf     func(*eventstore.NewEvent) Hash
	tree     tree.Frontier
	golden   bytes.Buffer
	names    bytes.Buffer

	events, evidence, others part
}

// A part is the numbered file of a kind that is being made.
type part struct {
	prefix string
	number int
	first  domain.Revision
	lines  int64
	buffer []byte
}

func (p *part) name() string { return fmt.Sprintf("%s%05d.ndjson", p.prefix, p.number) }

// NewWriter begins a bundle. Of the head, the fields that say what it is of are taken: Instance, Workspace, Stream,
// Origins. Leaf is the hash of an event's leaf; the event's Stream is the one that its leaf names.
func NewWriter(sink Sink, head Manifest, leaf func(*eventstore.NewEvent) Hash) *Writer {
	head.Format, head.Last, head.Counts, head.Files, head.Digest = Format, domain.NoRevision, Counts{}, nil, Hash{}
	return &Writer{
		sink: sink, manifest: head, leaf: leaf,
		events: part{prefix: EventsPrefix}, evidence: part{prefix: EvidencePrefix}, others: part{prefix: OthersPrefix},
	}
}

// Event writes the next event of the workspace.
func (w *Writer) Event(e *eventstore.NewEvent) error {
	if e.Revision != w.manifest.Last+1 {
		return fmt.Errorf("write an export: revision %d came, %d is due", e.Revision, w.manifest.Last+1)
	}
	own := *e
	own.Stream = w.manifest.OriginOf(e.Revision)
	if err := w.make(&w.events); err != nil {
		return err
	}
	if w.events.lines == 0 {
		w.events.first = e.Revision
	}
	if e.Revision%Every == 0 {
		w.mark(e.Revision)
	}
	w.tree.Add(tlog.Hash(w.leaf(&own)), nil)
	w.events.buffer = append(AppendEvent(w.events.buffer, &own), '\n')
	w.events.lines++
	w.manifest.Last = e.Revision
	w.manifest.Counts.Events++
	return nil
}

func (w *Writer) mark(before domain.Revision) {
	line, _ := json.Marshal(Golden{before, w.events.name(), int64(len(w.events.buffer)), Hash(w.tree.Root())}) // plain fields
	w.golden.Write(append(line, '\n'))
}

// Other writes an event of another stream that the history refers to.
func (w *Writer) Other(e *eventstore.NewEvent) error {
	if err := w.make(&w.others); err != nil {
		return err
	}
	w.others.buffer = append(AppendEvent(w.others.buffer, e), '\n')
	w.others.lines++
	w.manifest.Counts.Others++
	return nil
}

// Evidence writes a body or text.
func (w *Writer) Evidence(e Evidence) error {
	if err := w.make(&w.evidence); err != nil {
		return err
	}
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("write evidence %s: %w", e.Digest, err)
	}
	w.evidence.buffer = append(append(w.evidence.buffer, line...), '\n')
	w.evidence.lines++
	w.manifest.Counts.Evidence++
	return nil
}

// Name writes a readable name.
func (w *Writer) Name(n Name) error {
	line, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("write a name: %w", err)
	}
	w.names.Write(append(line, '\n'))
	w.manifest.Counts.Names++
	return nil
}

// make puts a file that is long enough, and begins the next.
func (w *Writer) make(p *part) error {
	if len(p.buffer) < fileBytes {
		return nil
	}
	return w.finish(p)
}

func (w *Writer) finish(p *part) error {
	if p.lines == 0 {
		return nil
	}
	f := File{Name: p.name(), Lines: p.lines}
	if p.prefix == EventsPrefix {
		f.First = p.first
	}
	if err := w.put(f, p.buffer); err != nil {
		return err
	}
	p.number, p.lines, p.buffer = p.number+1, 0, p.buffer[:0]
	return nil
}

func (w *Writer) put(f File, content []byte) error {
	f.Size, f.SHA256 = int64(len(content)), sha256.Sum256(content)
	w.manifest.Files = append(w.manifest.Files, f)
	if err := w.sink.Put(f.Name, content); err != nil {
		return fmt.Errorf("write %s: %w", f.Name, err)
	}
	return nil
}

// Close writes what is left, and the manifest last. Checkpoints are signed notes, the oldest first; instance is the content
// of [InstanceFile], which may be empty.
func (w *Writer) Close(at time.Time, checkpoints [][]byte, instance []byte) error {
	for _, p := range []*part{&w.events, &w.evidence, &w.others} {
		if err := w.finish(p); err != nil {
			return err
		}
	}
	if next := w.manifest.Last + 1; next%Every == 0 && next > 0 {
		w.events.first = next
		w.mark(next)
	}
	files := []struct {
		name    string
		content []byte
	}{
		{CheckpointsFile, JoinNotes(checkpoints)}, {InstanceFile, instance}, {GoldenFile, w.golden.Bytes()},
		{NamesFile, w.names.Bytes()}, {ReadmeFile, []byte(readme(&w.manifest))},
	}
	w.manifest.Counts.Checkpoints = int64(len(checkpoints))
	for _, f := range files {
		if len(f.content) == 0 && f.name != CheckpointsFile {
			continue
		}
		if err := w.put(File{Name: f.name}, f.content); err != nil {
			return err
		}
	}
	w.manifest.ExportedAt, w.manifest.Root = at.UTC().Truncate(time.Microsecond), Hash(w.tree.Root())
	var err error
	if w.manifest.Digest, err = w.manifest.digest(); err != nil {
		return err
	}
	b, err := w.manifest.form()
	if err != nil {
		return err
	}
	if err := w.sink.Put(ManifestFile, b); err != nil {
		return fmt.Errorf("write the manifest: %w", err)
	}
	return nil
}

// Manifest is what was written, once the bundle is closed.
func (w *Writer) Manifest() Manifest { return w.manifest }

// JoinNotes puts signed notes into one file, an empty line between two of them.
func JoinNotes(notes [][]byte) []byte { return bytes.Join(notes, []byte("\n")) }

func readme(m *Manifest) string {
	names := "Names of people are sealed in it and show as erased."
	if m.Counts.Names > 0 {
		names = "names.ndjson holds names of people in a form that everybody can read. Erasing them elsewhere does\nnot reach this file: keep it as you keep personal data, and delete it when that is asked for."
	}
	return fmt.Sprintf(`This is the history of the workspace %s of the Annals instance %s: %d events, up to revision %d.

  annals audit verify DIRECTORY --key KEY   shows that nothing in it was altered
  annals replay DIRECTORY                   prints it as it happened
  annals serve --history DIRECTORY          opens it, read-only, with the whole API
  annals import history DIRECTORY --as NEW  brings it into another instance

manifest.json lists the files and their digests. %s
`, m.Workspace, m.Instance, m.Counts.Events, m.Last, names)
}
