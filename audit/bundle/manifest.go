package bundle

import (
	"time"

	"github.com/annals-io/annals/domain"
)

// Format is the format that this build writes, and the only one there is.
const Format = "annals-export/1"

// The files of a bundle. Those that end in a dash are followed by a number and ".ndjson".
const (
	ManifestFile    = "manifest.json"
	ReadmeFile      = "README.txt"
	EventsPrefix    = "events-"
	EvidencePrefix  = "evidence-"
	OthersPrefix    = "others-"
	CheckpointsFile = "checkpoints"
	InstanceFile    = "instance.ndjson"
	GoldenFile      = "golden.ndjson"
	NamesFile       = "names.ndjson"
)

// A Manifest says what a bundle holds.
type Manifest struct {
	Format     string          `json:"format"`
	Instance   string          `json:"instance"`  // the name of the instance that it was exported from
	Workspace  domain.Slug     `json:"workspace"` // its slug there
	Stream     domain.Stream   `json:"stream"`    // its stream there
	Origins    []Origin        `json:"origins,omitempty"`
	Last       domain.Revision `json:"last"` // of the last event
	ExportedAt time.Time       `json:"exportedAt"`
	// Root is the root of the tree over all events, as [Golden.Root].
	Root   Hash   `json:"root"`
	Counts Counts `json:"counts"`
	Files  []File `json:"files"` // in the order in which they were written
	// Digest is the SHA-256 of the manifest without this member: a copy that was damaged shows it. Exports of the first
	// weeks have none.
	Digest Hash `json:"digest,omitzero"`
}

// An Origin says that the events up to a revision were imported: they were recorded in a stream of another instance, and
// their leaves name that. Where a history was imported more than once, the oldest origin is the first.
type Origin struct {
	Instance string          `json:"instance"`
	Stream   domain.Stream   `json:"stream"`
	UpTo     domain.Revision `json:"upTo"` // the last revision recorded there
}

// OriginOf is the name that the leaf of a revision goes by: of the stream in which the event was recorded first.
func (m *Manifest) OriginOf(r domain.Revision) domain.Stream {
	for _, o := range m.Origins {
		if r <= o.UpTo {
			return o.Stream
		}
	}
	return m.Stream
}

// Counts are how much a bundle holds.
type Counts struct {
	Events      int64 `json:"events"`
	Evidence    int64 `json:"evidence"`
	Others      int64 `json:"others"` // events of other streams
	Checkpoints int64 `json:"checkpoints"`
	Names       int64 `json:"names"`
}

// A File is one file of a bundle. Events files say where they begin, so that several can be read at once.
type File struct {
	Name   string          `json:"name"`
	Size   int64           `json:"size"` // bytes
	SHA256 Hash            `json:"sha256"`
	First  domain.Revision `json:"first,omitempty"` // of an events file: the revision of its first line
	Lines  int64           `json:"lines,omitempty"`
}

// Every is the number of revisions between two entries of the golden index.
const Every = 1000

// A Golden is an entry of the golden index: where the events before a revision end, and the root of their tree. Who wants
// events from a revision on begins to read at the entry before it.
type Golden struct {
	Before domain.Revision `json:"before"` // the entry is about the events with smaller revisions
	File   string          `json:"file"`   // where the event of that revision lies, or would
	Offset int64           `json:"offset"` // of its line, in bytes
	Root   Hash            `json:"root"`   // RFC 6962, over the leaves of the events before
}

// A Name is a readable value that the log holds sealed. Digest is the SHA-256 of the sealed bytes.
type Name struct {
	Subject string `json:"subject"`
	Digest  Hash   `json:"digest"`
	Value   string `json:"value"`
}

// An Evidence is a body or text beside the log. Digest is the SHA-256 of salt and bytes.
type Evidence struct {
	Stream domain.Stream `json:"stream"`
	Digest domain.Digest `json:"digest"`
	Salt   []byte        `json:"salt"`
	Bytes  []byte        `json:"bytes"`
}
