package native

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/annals-io/annals/ingest/foreign"
	"github.com/annals-io/annals/ingest/refusal"
)

// plainBody checks the content type and looks through gzip, bounded in both forms.
func plainBody(w http.ResponseWriter, r *http.Request) (io.Reader, error) {
	if ct := r.Header.Get("Content-Type"); ct != "" {
		typ, _, err := mime.ParseMediaType(ct)
		switch {
		case err != nil, typ != "application/x-ndjson" && typ != "application/ndjson" && typ != "application/json" && typ != "application/jsonl" && !strings.HasPrefix(typ, "text/"):
			return nil, &refusal.Problem{Status: http.StatusUnsupportedMediaType, Code: refusal.UnsupportedType, Field: refusal.ContentType, Rule: "A body is application/x-ndjson: one JSON object a line.",
				Message: "the Content-Type is not NDJSON: send application/x-ndjson"}
		}
	}
	body := io.Reader(http.MaxBytesReader(w, r.Body, MaxBody))
	switch enc := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))); enc {
	case "", "identity":
	case "gzip", "x-gzip":
		plain, err := gzip.NewReader(body)
		if err != nil {
			return nil, brokenBody(err)
		}
		body = plain
	default:
		return nil, &refusal.Problem{Status: http.StatusUnsupportedMediaType, Code: refusal.UnsupportedEncoding, Field: refusal.ContentEncoding, Rule: "A body is plain or gzip.",
			Message: "the Content-Encoding is neither gzip nor identity"}
	}
	return &bounded{body, MaxBody}, nil
}

// brokenBody is the problem of a body that cannot be read to its end.
func brokenBody(err error) *refusal.Problem {
	var whole *refusal.Problem
	var over *http.MaxBytesError
	var no *foreign.Refusal
	switch {
	case errors.As(err, &whole):
		return whole
	case errors.As(err, &over):
		return tooLarge()
	case errors.As(err, &no):
		return refusal.OfBody(no)
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return &refusal.Problem{Status: http.StatusBadRequest, Code: string(foreign.BadGzip), Field: refusal.Body, Rule: "A body is whole, and gzip where it says so.",
			Message: "the body is cut off, or said to be gzip and is not"}
	}
	return &refusal.Problem{Status: http.StatusBadRequest, Code: refusal.BrokenBody, Field: refusal.Body, Rule: "A body is sent to its end.", Message: "the body could not be read to its end"}
}

func tooLarge() *refusal.Problem {
	return &refusal.Problem{Status: http.StatusRequestEntityTooLarge, Code: string(foreign.TooLarge), Field: refusal.Body, Rule: fmt.Sprintf("A body has at most %d bytes, before and after gzip.", MaxBody),
		Message: "the body is too large: send it in parts"}
}

// bounded refuses more than so many bytes after gzip.
type bounded struct {
	io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, tooLarge()
	}
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		return n, tooLarge()
	}
	return n, err
}
