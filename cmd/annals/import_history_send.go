package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/audit/history"
)

// bringHistory sends the export until the server has taken it: what is sent again goes on where it was cut off. How long a
// server may be away counts from when it was last heard.
func (a *app) bringHistory(ctx context.Context, c *client, b *bundle.Bundle, f importHistoryFlags) (*history.Imported, error) {
	for heard := time.Now(); ; {
		result, err := a.sendHistory(ctx, c, b, f, func() { heard = time.Now() })
		var no *failure
		if err == nil || ctx.Err() != nil || !errors.As(err, &no) || !comesBack[no.Code] || time.Since(heard) > f.patience {
			return result, err
		}
		fmt.Fprintf(a.stderr, "annals: %s: trying again\n", no.Message)
		if err := sleep(ctx, time.Second); err != nil {
			return nil, err
		}
	}
}

// comesBack are the codes of failures after which a server may well take what it did not take now.
var comesBack = map[string]bool{"unreachable": true, "cut": true, "unavailable": true, "overloaded": true}

// sendHistory sends the export once, and shows how far the server is.
func (a *app) sendHistory(ctx context.Context, c *client, b *bundle.Bundle, f importHistoryFlags, heard func()) (*history.Imported, error) {
	q := url.Values{"key": f.keys}
	address := c.base + "/v1/organizations/" + url.PathEscape(f.organization) + "/histories/" + url.PathEscape(f.as)
	if len(f.keys) > 0 {
		address += "?" + q.Encode()
	}
	bar := a.startProgress("bytes sent", 0)
	defer func() { bar.stop() }()
	var total, sent int64
	for _, file := range b.Manifest.Files {
		total += file.Size
	}
	from, to := io.Pipe()
	t := bundle.NewTar(to, time.Now())
	t.Each = func(_ string, size int) {
		sent += int64(size)
		bar.reach(sent, total)
		bar.add(size)
	}
	go func() { to.CloseWithError(t.Send(b)) }()
	defer from.Close()
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, address, from)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", c.base, err)
	}
	req.Header.Set("Content-Type", "application/x-tar")
	req.Header.Set("Accept", "application/x-ndjson")
	req.Header.Set("Authorization", "Bearer "+c.key)
	req.Header.Set("User-Agent", "annals/"+buildVersion())
	c.http.Transport.(*http.Transport).ResponseHeaderTimeout = 0 // all is sent before anything is answered
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20)) // whatever can be read of it
		return nil, refusal(resp.StatusCode, text)
	}
	heard()
	return a.hearImport(ctx, resp.Body, bar, heard)
}

// hearImport reads the answer to an import.
func (a *app) hearImport(ctx context.Context, body io.Reader, bar *progress, heard func()) (*history.Imported, error) {
	lines := bufio.NewScanner(body)
	stage, was := "", int64(0)
	for lines.Scan() {
		if heard(); len(strings.TrimSpace(lines.Text())) == 0 {
			continue
		}
		var line importLine
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return nil, fmt.Errorf("read the server's answer: %w", err)
		}
		switch {
		case line.Error != nil:
			no := &failure{Exit: exitOfImport(line.Error["code"]), Code: line.Error["code"], Message: line.Error["message"]}
			return nil, no
		case line.Result != nil:
			return line.Result, nil
		case line.Stage != stage:
			stage, was = line.Stage, 0
			bar.turn(cmp.Or(map[string]string{"checking": "bytes checked there"}[stage], stage))
		}
		bar.reach(line.Done, line.Total)
		bar.add(int(line.Done - was))
		was = line.Done
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return nil, (&failure{Exit: exitFailed, Code: "cut", Message: fmt.Sprintf("the import was cut off (%v)", cmp.Or(lines.Err(), io.ErrUnexpectedEOF))}).with("run the same command again: it goes on where it was")
}

// exitOfImport is the exit code of a refusal that came after the answer had begun.
func exitOfImport(code string) int {
	switch code {
	case "damaged", "forged":
		return exitUnverified
	case "already_exists", "conflict":
		return exitConflict
	case "invalid":
		return exitUsage
	}
	return exitFailed
}
