package openlineage

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/ingest/foreign"
)

// A problem is a request or event that is not taken, as answers show it.
type problem struct {
	status  int
	whole   bool // it concerns every event alike: the store, or the workspace
	retryIn time.Duration

	Code    string `json:"code"`
	Message string `json:"message"`
	Path    string `json:"path,omitempty"`   // JSON pointer to the field
	Offset  *int   `json:"offset,omitempty"` // byte where reading stopped
	Rule    string `json:"rule,omitempty"`
}

// troubleOf gives an error of carrying out a command its status. What may pass is 503; the words of the store itself
// are for the log.
func (h *Handler) troubleOf(r *http.Request, err error) *problem {
	var (
		rule     *domain.Error
		conflict *eventstore.CommandConflictError
		large    *eventstore.TooLargeError
		overload *eventstore.OverloadedError
	)
	switch {
	case errors.As(err, &overload):
		return &problem{status: http.StatusServiceUnavailable, whole: true, retryIn: overload.RetryAfter, Code: "overloaded", Message: "the workspace has too many events waiting: send it again"}
	case errors.As(err, &conflict):
		return &problem{status: http.StatusConflict, Code: string(domain.Conflict), Message: "another event has the same id"}
	case errors.As(err, &large):
		return &problem{status: http.StatusRequestEntityTooLarge, Code: string(foreign.TooLarge), Rule: fmt.Sprintf("The facts of one event have at most %d bytes.", large.Limit),
			Message: "the event names more than one record can hold: divide its inputs and outputs over several events of the run"}
	case errors.As(err, &rule):
		status := http.StatusBadRequest
		switch rule.Code {
		case domain.NotFound:
			status = http.StatusNotFound
		case domain.Gone:
			status = http.StatusGone
		case domain.Archived, domain.Conflict:
			status = http.StatusConflict
		}
		return &problem{status: status, whole: rule.Subject == "workspace", Code: string(rule.Code), Message: rule.Error()}
	}
	h.Log.ErrorContext(r.Context(), "an event could not be recorded", "err", err)
	return &problem{status: http.StatusServiceUnavailable, whole: true, Code: "unavailable", Message: "the event could not be recorded now: send it again"}
}

// refuse answers a problem: {"error": {"code", "message", "path", "offset", "rule"}}.
func (h *Handler) refuse(w http.ResponseWriter, _ *http.Request, no *problem) {
	outcome := "rejected"
	if no.status == http.StatusServiceUnavailable {
		outcome = "deferred"
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int((no.retryIn+time.Second-1)/time.Second))))
	}
	h.Observe(outcome, 1)
	write(w, no.status, map[string]*problem{"error": no})
}

func write(w http.ResponseWriter, status int, answer any) {
	body, err := json.Marshal(answer)
	if err != nil { // strings and numbers: cannot be
		panic(err)
	}
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Length", strconv.Itoa(len(body)+1))
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // the event is stored; a client that went away sends it again and hears "duplicate"
}

// quote shows a name from a request, short and printable.
func quote(name string) string {
	const most = 80
	if len(name) > most {
		name = name[:most] + "..."
	}
	return strconv.QuoteToASCII(name)
}

// readBody reads the body of a request, and passes over one that is too large: its sender is to hear that.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, *problem) {
	body, no := takeBody(w, r)
	if no != nil && no.status == http.StatusRequestEntityTooLarge {
		foreign.Drain(w, r)
	}
	return body, no
}

// takeBody reads a body: JSON, plain or gzip, with or without a length, of at most 8 MiB in both forms.
func takeBody(w http.ResponseWriter, r *http.Request) ([]byte, *problem) {
	if no := checkType(r.Header.Get("Content-Type")); no != nil {
		return nil, no
	}
	tooLarge := &problem{status: http.StatusRequestEntityTooLarge, Code: string(foreign.TooLarge), Rule: fmt.Sprintf("A body has at most %d bytes, before and after gzip.", foreign.MaxBytes),
		Message: "the body is too large: send it in parts"}
	if r.ContentLength > foreign.MaxBytes {
		return nil, tooLarge
	}
	source := io.Reader(http.MaxBytesReader(w, r.Body, foreign.MaxBytes))
	size := max(int(r.ContentLength), 0)
	switch encoding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))); encoding {
	case "", "identity":
	case "gzip", "x-gzip":
		plain, err := gzip.NewReader(source)
		if err != nil {
			return nil, brokenBody(err, tooLarge)
		}
		source, size = plain, 4*size
	default:
		return nil, &problem{status: http.StatusUnsupportedMediaType, Code: "unsupported_encoding", Rule: "A body is plain or gzip.", Message: "the Content-Encoding is neither gzip nor identity"}
	}
	body, err := readAll(source, min(size, foreign.MaxBytes))
	if err != nil {
		return nil, brokenBody(err, tooLarge)
	}
	if len(body) > foreign.MaxBytes {
		return nil, tooLarge
	}
	return body, nil
}

// readAll reads up to one byte more than the limit. The size is a guess that spares copying.
func readAll(source io.Reader, size int) ([]byte, error) {
	body := make([]byte, 0, size+512)
	for {
		n, err := source.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case err == io.EOF || len(body) > foreign.MaxBytes:
			return body, nil
		case err != nil:
			return nil, err
		case len(body) == cap(body):
			body = append(body, 0)[:len(body)]
		}
	}
}

func brokenBody(err error, tooLarge *problem) *problem {
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return tooLarge
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return &problem{status: http.StatusBadRequest, Code: string(foreign.BadGzip), Rule: "A body is whole, and gzip where it says so.", Message: "the body is cut off, or said to be gzip and is not"}
	}
	return &problem{status: http.StatusBadRequest, Code: "broken_body", Message: "the body could not be read to its end"}
}

// checkType refuses what is surely no JSON. What curl says of any body passes, for a first try by hand.
func checkType(header string) *problem {
	if header == "" {
		return nil
	}
	no := &problem{status: http.StatusUnsupportedMediaType, Code: "unsupported_media_type", Rule: "A body is application/json in UTF-8.", Message: "the Content-Type is not JSON"}
	kind, params, err := mime.ParseMediaType(header)
	if err != nil {
		return no
	}
	switch charset := strings.ToLower(params["charset"]); charset {
	case "", "utf-8", "utf8", "us-ascii":
	default:
		no.Message = "the charset is not UTF-8"
		return no
	}
	switch {
	case strings.HasSuffix(kind, "json"), strings.HasSuffix(kind, "jsonl"), kind == "text/plain", kind == "application/octet-stream", kind == "application/x-www-form-urlencoded":
		return nil
	}
	return no
}
