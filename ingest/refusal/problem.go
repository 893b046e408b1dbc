package refusal

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/annals-io/annals/ingest/foreign"
)

// The codes of refused requests, besides those of bodies and of the model.
const (
	WorkspaceConflict   = "workspace_conflict"     // the request names two workspaces, or another than its key is bound to
	WorkspaceCutOff     = "workspace_cut_off"      // the address lost its workspace
	InvalidWorkspace    = "invalid_workspace"      // no workspace can be named so
	UnsupportedType     = "unsupported_media_type" // the Content-Type is not what the door takes
	UnsupportedEncoding = "unsupported_encoding"   // neither plain nor gzip
	BrokenBody          = "broken_body"            // the connection ended before the body did
	Overloaded          = "overloaded"             // too much waits already: come again
	Paused              = "paused"                 // the workspace holds an event of a newer server: nothing is decided there before that runs
	Unavailable         = "unavailable"            // it could not be recorded now: come again
)

// The fields that a refused request names where no field of an event is to blame.
const (
	Body            = "body"
	Workspace       = "workspace"
	ContentType     = "header Content-Type"
	ContentEncoding = "header Content-Encoding"
)

// A Problem is a request or an event that is not taken, as answers show it.
type Problem struct {
	Status  int           `json:"-"` // of HTTP
	Shared  bool          `json:"-"` // it concerns every event alike: the store, or the workspace
	RetryIn time.Duration `json:"-"` // of 503

	Code    string `json:"code"`
	Message string `json:"message"`
	Field   string `json:"field"`
	Path    string `json:"path,omitempty"`   // JSON pointer to the field; absent: it is not in a body, or all of it
	Offset  *int   `json:"offset,omitempty"` // byte of the body where reading stopped
	Rule    string `json:"rule"`
}

// Error is the message.
func (p *Problem) Error() string { return p.Message }

// Retriable says that the same request may be taken later.
func (p *Problem) Retriable() bool { return p.Status == http.StatusServiceUnavailable }

// OfBody is the problem of a body that is refused.
func OfBody(no *foreign.Refusal) *Problem {
	p := &Problem{Status: http.StatusBadRequest, Code: string(no.Code), Field: fieldAt(no.Path), Path: no.Path, Rule: no.Rule, Message: no.Message}
	if no.Offset >= 0 {
		p.Offset = &no.Offset
	}
	if no.Code == foreign.TooLarge {
		p.Status = http.StatusRequestEntityTooLarge
	}
	return p
}

// fieldAt is the member that a JSON pointer ends in; elements of a list are named by their list.
func fieldAt(pointer string) string {
	for {
		at := strings.LastIndexByte(pointer, '/')
		if at < 0 {
			return Body
		}
		last := pointer[at+1:]
		if _, err := strconv.Atoi(last); err != nil && last != "" {
			return strings.NewReplacer("~1", "/", "~0", "~").Replace(last)
		}
		pointer = pointer[:at]
	}
}

// Write answers a problem: {"error": {"code", "message", "field", "path", "offset", "rule"}}.
func Write(w http.ResponseWriter, p *Problem) {
	body, err := json.Marshal(map[string]*Problem{"error": p})
	if err != nil { // strings and a number: cannot be
		panic(err)
	}
	header := w.Header()
	if p.Retriable() {
		header.Set("Retry-After", strconv.Itoa(max(1, int((p.RetryIn+time.Second-1)/time.Second))))
	}
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Length", strconv.Itoa(len(body)+1))
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(body, '\n')) // a client that went away needs no answer
}
