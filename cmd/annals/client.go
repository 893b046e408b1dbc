package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// client speaks to a server by HTTP.
type client struct {
	base string
	key  string
	http *http.Client
	// patience is how long an import goes on trying what may pass.
	patience time.Duration
	// notice is told what a person should know that no result says.
	notice func(string)
	// shows is told at which moment an answer is true.
	shows   func(shownMoment)
	noticed bool
	// outdated: it was said that what is read is getting old.
	outdated bool
}

// client is a client for the settings there are.
func (a *app) client() (*client, error) {
	address, key, err := a.endpoint()
	if err != nil {
		return nil, err
	}
	return a.clientOf(address, key)
}

// clientOf is a client of one server, with a key or (empty) without.
func (a *app) clientOf(address, key string) (*client, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, usage("%q is no address of a server", address).with("write it as http://HOST:PORT")
	}
	return &client{
		base: strings.TrimSuffix(address, "/"), key: key,
		http: &http.Client{
			Timeout:       a.global.timeout,
			Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 16, ForceAttemptHTTP2: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		notice: func(s string) { fmt.Fprintln(a.stderr, s) },
		shows:  func(m shownMoment) { a.shown = m },
	}, nil
}

// expiresHeader is how a server announces that a key is near its end.
const expiresHeader = "Annals-Key-Expires"

// send sends one request. It tries again where the server asks for that: nothing was done then.
func (c *client) send(ctx context.Context, method, path string, header http.Header, body []byte) (*http.Response, error) {
	for try := 1; ; try++ {
		resp, err := c.once(ctx, method, path, header, body)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode != http.StatusServiceUnavailable || try == 4 {
			return resp, nil
		}
		wait := retryAfter(resp)
		drain(resp)
		if err := sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
}

func (c *client) once(ctx context.Context, method, path string, header http.Header, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", c.base, err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	req.Header.Set("User-Agent", "annals/"+buildVersion())
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	c.announce(resp)
	return resp, nil
}

func (c *client) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var u *url.Error
	if errors.As(err, &u) && u.Timeout() {
		return (&failure{Exit: exitTimeout, Code: "timeout", Message: fmt.Sprintf("%s did not answer within %s", c.base, c.http.Timeout)}).with("give it longer by --timeout")
	}
	if u != nil {
		err = u.Err
	}
	return (&failure{Exit: exitFailed, Code: "unreachable", Message: fmt.Sprintf("%s cannot be reached: %v", c.base, err)}).with("is it running? `annals serve` starts one; --url names another")
}

func (c *client) announce(resp *http.Response) {
	if resp.Header.Get(modelHeader) != "" && !c.outdated {
		c.outdated = true
		c.notice("annals: what is read is not kept up to date now: `annals doctor` says why")
	}
	ends, err := time.Parse(time.RFC3339, resp.Header.Get(expiresHeader))
	if err != nil || c.noticed {
		return
	}
	c.noticed = true
	c.notice(fmt.Sprintf("annals: this API key ends at %s: have another one made by `annals key create`", ends.UTC().Format("2006-01-02 15:04Z")))
}

// retryAfter is how long the server asks to wait; at most ten seconds.
func retryAfter(resp *http.Response) time.Duration {
	s, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil || s < 1 {
		s = 1
	}
	return time.Duration(min(s, 10)) * time.Second
}

func drain(resp *http.Response) {
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)) // so that the connection can be used again
	resp.Body.Close()
}

// sleep waits, unless ctx ends first.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// maxAnswer bounds what a server can make us hold.
const maxAnswer = 256 << 20

// rest sends one JSON document (nil: none) and reads one.
func (c *client) rest(ctx context.Context, method, path string, in, out any) error {
	header := http.Header{"Accept": {"application/json"}}
	var body []byte
	if in != nil {
		body = rawJSON(in)
		header.Set("Content-Type", "application/json")
	}
	resp, err := c.send(ctx, method, path, header, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return c.unreachable(ctx, err)
	}
	if resp.StatusCode >= 300 {
		return refusal(resp.StatusCode, answer)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return c.strange(resp, err)
	}
	return nil
}

// strange says that whatever answers is no server of ours.
func (c *client) strange(resp *http.Response, err error) error {
	return (&failure{Exit: exitFailed, Code: "strange_answer", Message: fmt.Sprintf("%s answers %s, and not as an Annals server does: %v", c.base, resp.Status, err)}).with("is --url the address of an Annals server?")
}

// refusal turns an answer that is no success into a failure.
func refusal(status int, body []byte) error {
	f := &failure{Exit: exitOfStatus(status), Code: "http_" + strconv.Itoa(status), Message: http.StatusText(status)}
	var said struct {
		Error struct {
			Code, Message, Path string
		} `json:"error"`
		Errors []graphqlError `json:"errors"`
		// Problem documents (RFC 9457), as ingest writes them.
		Code, Title, Detail string
	}
	if json.Unmarshal(body, &said) != nil {
		if text := strings.TrimSpace(string(body)); text != "" {
			f.Message += ": " + clip(text, 300)
		}
		return f
	}
	switch {
	case said.Error.Message != "":
		f.Code, f.Message, f.Path = said.Error.Code, said.Error.Message, said.Error.Path
	case len(said.Errors) > 0:
		return said.Errors[0].failure()
	case said.Detail != "" || said.Title != "":
		f.Message = strings.TrimPrefix(said.Title+": "+said.Detail, ": ")
		if said.Code != "" {
			f.Code = said.Code
		}
	}
	return f
}

func exitOfStatus(status int) int {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return exitAuth
	case http.StatusNotFound, http.StatusGone:
		return exitNotFound
	case http.StatusConflict, http.StatusPreconditionFailed:
		return exitConflict
	case http.StatusGatewayTimeout, http.StatusRequestTimeout:
		return exitTimeout
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return exitUsage
	}
	return exitFailed
}
