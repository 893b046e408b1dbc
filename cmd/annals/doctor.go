package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// check is one line of doctor's report. Hint is there where something is wrong, or soon will be.
type check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
	Hint   string `json:"hint,omitempty"`
}

// The bounds of what is well.
const (
	skewAllowed  = 5 * time.Second
	diskNeeded   = 1 << 30
	fsyncAllowed = 50 * time.Millisecond
	lagAllowed   = 10_000 // events
	keyNotice    = 14 * 24 * time.Hour
)

func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "Check this machine, the server and the key, and say what is wrong", Args: cobra.NoArgs,
		Long: `Check the configuration, whether the server is reached and ready, the key and its end, versions and
clocks, the projections and, where the data lie on this machine, the disk. Exit code 1 if any check
fails.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			checks := append(a.checkServer(cmd.Context()), a.checkMachine()...)
			var rows []any
			failed := 0
			for _, c := range checks {
				rows = append(rows, c)
				if !c.OK {
					failed++
				}
			}
			err := a.printList(listOf(rows), []column{
				{"CHECK", field("name")}, {"", func(r row) string {
					if r.at("ok") == true {
						return "ok"
					}
					return "FAILED"
				}}, {"DETAIL", field("detail")}, {"HINT", field("hint")},
			})
			if err == nil && failed > 0 {
				err = &failure{Exit: exitFailed, Code: "unwell", Message: fmt.Sprintf("%d of %d checks failed", failed, len(checks))}
			}
			return err
		},
	}
}

// checkServer asks the server; each check that fails makes those behind it pointless.
func (a *app) checkServer(ctx context.Context) []check {
	file := "none"
	if a.set.path != "" {
		file = a.set.path
	}
	checks := []check{{Name: "configuration", OK: true, Detail: "file: " + file}}
	c, err := a.client()
	if err != nil {
		f := failureOf(err)
		return append(checks, check{Name: "server", Detail: f.Message, Hint: f.Hint})
	}
	checks = append(checks, c.checkReady(ctx))
	if !checks[len(checks)-1].OK {
		return checks
	}
	began := time.Now()
	var s serverStatus
	if err := c.rest(ctx, http.MethodGet, "/v1/status", nil, &s); err != nil {
		f := failureOf(err)
		hint := f.Hint
		if f.Code == "scope_missing" {
			hint = "doctor looks with a key that may read"
		}
		return append(checks, check{Name: "key", Detail: f.Message, Hint: hint})
	}
	took := time.Since(began)
	checks = append(append(checks, checkKey(s.Key)), c.checkKeys(ctx, s.Key)...)
	return append(append(checks, checkVersion(s.Version), checkClock(s.Time, began.Add(took/2), took), checkModel(s.Model), checkLag(s), checkParked(s), checkDurable(s)), append(checkWall(s.Wall), checkSeal(s.Seal)...)...)
}

func (c *client) checkReady(ctx context.Context) check {
	resp, err := c.once(ctx, http.MethodGet, "/readyz", http.Header{}, nil)
	if err != nil {
		f := failureOf(err)
		return check{Name: "server", Detail: f.Message, Hint: f.Hint}
	}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10)) // whatever can be read of it
	resp.Body.Close()
	ok := resp.StatusCode == http.StatusOK
	out := check{Name: "server", OK: ok, Detail: c.base + " is " + strings.TrimSpace(string(text))}
	if !ok {
		out.Detail, out.Hint = c.base+" answers "+resp.Status, "its log says why"
	}
	return out
}
