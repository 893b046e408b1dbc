package sink

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/annals-io/annals/audit/checkpoint"
)

// HTTP posts to another server. User and password in the address are sent as such (basic authentication), and shown
// nowhere.
type HTTP struct {
	url    *url.URL
	client *http.Client
}

// The bounds of one exchange.
const (
	httpTimeout = 10 * time.Second
	httpMost    = 64 << 20 // bytes of an answer
)

func newHTTP(u *url.URL) *HTTP {
	return &HTTP{u, &http.Client{
		Timeout:       httpTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // it is told there or not at all
	}}
}

// Name is the address without user, password and query.
func (h *HTTP) Name() string {
	u := url.URL{Scheme: h.url.Scheme, Host: h.url.Host, Path: h.url.Path}
	return u.String()
}

// Tell posts the notes as text. Anything but an answer of 2xx is a failure.
func (h *HTTP) Tell(ctx context.Context, notes []byte) error {
	resp, err := h.do(ctx, http.MethodPost, notes)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection can be used again
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("it answers %s", resp.Status)
	}
	return nil
}

// Told asks the same address by GET: an answer of 200 is the checkpoints it has, or the last ones. A place that takes
// checkpoints and gives none back (404, 405, 501) knows nothing.
func (h *HTTP) Told(ctx context.Context) (map[string]checkpoint.Checkpoint, error) {
	resp, err := h.do(ctx, http.MethodGet, nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
		return Last(io.LimitReader(resp.Body, httpMost))
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented, http.StatusNoContent:
		return nil, nil
	}
	return nil, fmt.Errorf("it answers %s", resp.Status)
}

func (h *HTTP) do(ctx context.Context, method string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, h.url.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", h.Name(), err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	}
	resp, err := h.client.Do(req)
	if err != nil {
		if inner, ok := err.(*url.Error); ok { // its text has the whole address
			err = inner.Err
		}
		return nil, fmt.Errorf("%s: %w", h.Name(), err)
	}
	return resp, nil
}
