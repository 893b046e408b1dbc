package openlineage

import (
	"time"

	"github.com/annals-io/annals/ingest/foreign"
)

// Kind is what an event speaks of.
type Kind string

// The kinds of events.
const (
	RunEvent     Kind = "run"     // a run of a job, as it goes
	JobEvent     Kind = "job"     // a job as it is declared
	DatasetEvent Kind = "dataset" // a dataset as it was observed
)

// Type is the state of a run that a RunEvent reports, as it was written; the specification has six.
type Type string

// The types of run events.
const (
	Start    Type = "START"
	Running  Type = "RUNNING"
	Complete Type = "COMPLETE"
	Abort    Type = "ABORT"
	Fail     Type = "FAIL"
	Other    Type = "OTHER"
)

// A Message is one body and what was read from it.
type Message struct {
	Event
	CommandID string        // "ol1:" and the digest in hex
	Digest    [32]byte      // SHA-256 of the canonical form of the body as sent
	Body      []byte        // the body to store: as sent, without the credentials in it
	Cuts      []foreign.Cut // what was cut from it
}

// An Event is what a body says.
type Event struct {
	Kind      Kind
	Time      time.Time // UTC
	Type      Type      // of a RunEvent: "" where the producer gave none; Other where it is unknown
	Producer  string    // URI of the code that made the event
	Run       Run       // of a RunEvent
	Job       Job       // of a RunEvent and a JobEvent
	Dataset   *Dataset  // of a DatasetEvent
	Inputs    []Dataset // in the order of the body; a dataset may be there twice
	Outputs   []Dataset
	Future    bool // the time is more than a day ahead of the reader's clock
	Warnings  []Warning
	Truncated bool // there were more warnings than [MaxWarnings]
}

// A Name is the identity of a job or of a dataset: neither part is empty or holds a NUL.
type Name struct {
	Namespace string
	Name      string
}

// A RunName is the identity of a run: its id, and the job it is a run of, since producers share an id between jobs.
type RunName struct {
	ID  string
	Job Name
}

// A Text is where in the body a text lies: a JSON pointer, "" where there is none.
type Text string

// A Facet is a facet that this package has no type for, or one of an unexpected shape.
type Facet struct {
	Name string
	Body Text
}

// A Tag is a label that somebody put on something.
type Tag struct {
	Key    string
	Value  string
	Source string // who set it
	Field  string // of datasets: the column it is on, "" for the whole
}

// A Warning is something odd in an event that was taken nevertheless. Code is one of a closed list.
type Warning struct {
	Path    string // JSON pointer
	Code    string
	Message string
}

// The codes of warnings.
const (
	TimeWithoutZone = "time_without_zone" // taken as UTC
	TimeInFuture    = "time_in_future"    // more than a day ahead
	UnknownType     = "unknown_type"      // an eventType outside the specification
	MissingType     = "missing_type"      // no eventType on a run event
	NoProducer      = "no_producer"       // not said which code made the event
	WrongShape      = "wrong_shape"       // a value of another kind than the specification says
	NoIdentity      = "no_identity"       // a dataset, parent or alias without a usable name
	BadTime         = "bad_time"          // a time in a facet that is none
	Ignored         = "ignored"           // something that has no place in this kind of event, or no meaning to us
	LeftInBody      = "left_in_body"      // too bulky for an event: it stays in the body, which is kept
)

// MaxWarnings is the most warnings that are kept of one event.
const MaxWarnings = 100

// Codes of refusals, besides those of package foreign.
const (
	NotAnObject     foreign.Code = "not_an_object"     // JSON, but no event
	MissingIdentity foreign.Code = "missing_identity"  // no run id, job or dataset
	IdentityTooLong foreign.Code = "identity_too_long" // more bytes than [MaxName]
	NULInIdentity   foreign.Code = "nul_in_identity"   // a NUL in a run id, namespace or name
	MissingTime     foreign.Code = "missing_time"      // no eventTime
	InvalidTime     foreign.Code = "invalid_time"      // an eventTime that is none
)

// MaxName is the longest run id, namespace or name, in bytes.
const MaxName = 4096
