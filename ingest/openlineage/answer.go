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

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/ingest/foreign"
	"github.com/annals-io/annals/ingest/refusal"
)

// troubleOf gives an error of carrying out a command its answer. What may pass is 503; the words of the store itself
// are for the log.
func (h *Handler) troubleOf(r *http.Request, slug domain.Slug, err error) *refusal.Problem {
	if no, ok := refusal.Of(err, slug); ok {
		return no
	}
	h.Log.ErrorContext(r.Context(), "an event could not be recorded", "err", err)
	return refusal.Later()
}

// refuse answers a problem and counts it.
func (h *Handler) refuse(w http.ResponseWriter, no *refusal.Problem) {
	outcome := "rejected"
	if no.Retriable() {
		outcome = "deferred"
	}
	h.Observe(outcome, 1)
	refusal.Write(w, no)
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

// readBody reads the body of a request, and passes over one that is too large: its sender is to hear that.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, *refusal.Problem) {
	body, no := takeBody(w, r)
	if no != nil && no.Status == http.StatusRequestEntityTooLarge {
		foreign.Drain(w, r)
	}
	return body, no
}

// takeBody reads a body: JSON, plain or gzip, with or without a length, of at most 8 MiB in both forms.
func takeBody(w http.ResponseWriter, r *http.Request) ([]byte, *refusal.Problem) {
	if no := checkType(r.Header.Get("Content-Type")); no != nil {
		return nil, no
	}
	tooLarge := &refusal.Problem{Status: http.StatusRequestEntityTooLarge, Code: string(foreign.TooLarge), Field: refusal.Body, Rule: fmt.Sprintf("A body has at most %d bytes, before and after gzip.", foreign.MaxBytes),
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
		return nil, &refusal.Problem{Status: http.StatusUnsupportedMediaType, Code: refusal.UnsupportedEncoding, Field: refusal.ContentEncoding, Rule: "A body is plain or gzip.", Message: "the Content-Encoding is neither gzip nor identity"}
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

func brokenBody(err error, tooLarge *refusal.Problem) *refusal.Problem {
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return tooLarge
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return &refusal.Problem{Status: http.StatusBadRequest, Code: string(foreign.BadGzip), Field: refusal.Body, Rule: "A body is whole, and gzip where it says so.", Message: "the body is cut off, or said to be gzip and is not"}
	}
	return &refusal.Problem{Status: http.StatusBadRequest, Code: refusal.BrokenBody, Field: refusal.Body, Rule: "A body is sent to its end.", Message: "the body could not be read to its end"}
}

// checkType refuses what is surely no JSON. What curl says of any body passes, for a first try by hand.
func checkType(header string) *refusal.Problem {
	if header == "" {
		return nil
	}
	no := &refusal.Problem{Status: http.StatusUnsupportedMediaType, Code: refusal.UnsupportedType, Field: refusal.ContentType, Rule: "A body is application/json in UTF-8.", Message: "the Content-Type is not JSON"}
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
