package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/annals-io/annals/access"
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

func checkKey(k keyStatus) check {
	words := make([]string, len(k.Scopes))
	for i, s := range k.Scopes {
		words[i] = string(s)
	}
	out := check{Name: "key", OK: true, Detail: fmt.Sprintf("%s may %s", k.ID, strings.Join(words, ", "))}
	if k.Workspace != "" {
		out.Detail += " in " + k.Workspace
	}
	switch {
	case k.ExpiresAt == nil:
		out.Detail += ", without end"
	default:
		out.Detail += ", until " + k.ExpiresAt.UTC().Format("2006-01-02 15:04Z")
		if left := time.Until(*k.ExpiresAt); left < keyNotice {
			out.Hint = fmt.Sprintf("it ends in %d days: have another one made by `annals key create`", int(left.Hours()/24))
		}
	}
	return out
}

// checkKeys looks at all keys of the server, where the caller's own may list them: an orchestrator whose key ends would
// otherwise be the first to notice.
func (c *client) checkKeys(ctx context.Context, own keyStatus) []check {
	if own.Workspace != "" || !slices.Contains(own.Scopes, access.Admin) {
		return nil
	}
	var keys struct {
		Items []struct {
			ID, Name  string
			ExpiresAt *time.Time
		}
	}
	if err := c.rest(ctx, http.MethodGet, "/v1/keys", nil, &keys); err != nil {
		f := failureOf(err)
		return []check{{Name: "keys", Detail: f.Message, Hint: f.Hint}}
	}
	var ending []string
	for _, k := range keys.Items {
		if k.ExpiresAt == nil {
			continue
		}
		if left := time.Until(*k.ExpiresAt); left < keyNotice {
			ending = append(ending, fmt.Sprintf("%s (%s) ends in %d days", k.ID, k.Name, int(left.Hours()/24)))
		}
	}
	out := check{Name: "keys", OK: true, Detail: fmt.Sprintf("%d in use, none ends within %d days", len(keys.Items), int(keyNotice.Hours()/24))}
	if len(ending) > 0 {
		out.Detail = fmt.Sprintf("%d in use; %s", len(keys.Items), strings.Join(ending, ", "))
		out.Hint = "have others made by `annals key create` before they end"
	}
	return []check{out}
}

func checkVersion(server string) check {
	out := check{Name: "version", OK: server == buildVersion(), Detail: fmt.Sprintf("server %s, this program %s", server, buildVersion())}
	if !out.OK {
		out.Hint = "use the program of the server's version"
	}
	return out
}

func checkClock(theirs, ours time.Time, unsure time.Duration) check {
	skew := theirs.Sub(ours)
	out := check{Name: "clock", OK: skew.Abs() <= skewAllowed+unsure, Detail: fmt.Sprintf("the server's differs by %s (within %s)", skew.Round(time.Millisecond), (unsure / 2).Round(time.Millisecond))}
	if !out.OK {
		out.Hint = "set both clocks by NTP"
	}
	return out
}

// checkModel says whether what is read is kept up to date. A server that is older than this program says nothing.
func checkModel(m modelReport) check {
	out := check{Name: "read model", OK: !m.Outdated, Detail: m.Detail, Hint: m.Do}
	switch {
	case m.State == modelCurrent:
		out.Detail = m.Schema + " is of the server's version"
	case m.State == "":
		out.Detail = "the server does not tell"
	case m.State == modelRebuilding:
		out.Hint = "nothing is to be done: wait until it is rebuilt, and look again"
	}
	return out
}

func checkLag(s serverStatus) check {
	out := check{Name: "projections", OK: s.Lag <= lagAllowed, Detail: fmt.Sprintf("%d workspaces, %s events behind", s.Workspaces, grouped(int(s.Lag)))}
	if !out.OK {
		out.Hint = "reads are that late; look at annals_projection_lag_seconds and the server's log"
	}
	return out
}

func checkParked(s serverStatus) check {
	if len(s.Paused) == 0 {
		return check{Name: "parked events", OK: true, Detail: "none"}
	}
	words := make([]string, len(s.Paused))
	for i, p := range s.Paused {
		words[i] = fmt.Sprintf("%s after revision %d (%s)", p.Workspace, p.Applied, p.Reason)
	}
	return check{Name: "parked events", Detail: "paused: " + strings.Join(words, "; "), Hint: "mend the cause or start a newer server, then `annals projection retry WORKSPACE`"}
}

func checkDurable(s serverStatus) check {
	if len(s.Unsafe) == 0 {
		return check{Name: "durability", OK: true, Detail: "the database keeps what it acknowledges"}
	}
	return check{Name: "durability", Detail: "off: " + strings.Join(s.Unsafe, ", "), Hint: "a crash can lose acknowledged events: set these to on in PostgreSQL"}
}

// checkWall says whether PostgreSQL itself keeps workspaces apart, beside the server. Only operators are told.
func checkWall(w *wallStatus) []check {
	if w == nil {
		return nil
	}
	out := check{Name: "second wall", OK: len(w.Faults) == 0, Detail: fmt.Sprintf("row level security is forced on %d tables; events cannot be changed", w.Tables)}
	switch {
	case !out.OK:
		out.Detail, out.Hint = strings.Join(w.Faults, "; "), "somebody changed the database: docs/access.md says what belongs there; start the server again once it is mended"
	case !w.Up:
		out.Detail, out.Hint = "off: questions are asked as the server's own role", strings.Join(w.Notes, "; ")
	default:
		out.Hint = strings.Join(w.Notes, "; ")
	}
	return []check{out}
}

// checkSeal says whether history is sealed. Only operators are told.
func checkSeal(s *sealStatus) []check {
	if s == nil {
		return nil
	}
	out := check{Name: "sealing", OK: s.Fault == "" && len(s.Stopped) == 0, Detail: "history is sealed by " + s.Key}
	switch {
	case s.Fault != "":
		out.Detail, out.Hint = s.Fault, "docs/auditing.md says what to do"
	case len(s.Stopped) > 0:
		out.Detail = fmt.Sprintf("%d histories are not what was sealed: %s: %s", len(s.Stopped), s.Stopped[0].Tree, s.Stopped[0].Reason)
		out.Hint = "somebody changed the database, or an older copy of it was restored: docs/auditing.md says what to do"
	}
	return []check{out}
}

// checkMachine looks at the data directory, where there is one here.
func (a *app) checkMachine() []check {
	dir := a.global.data
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return append([]check{checkDisk(dir), checkFsync(dir)}, checkKeyFile(dir)...)
}

func checkDisk(dir string) check {
	free, err := freeBytes(dir)
	if err != nil {
		return check{Name: "disk", Detail: err.Error()}
	}
	out := check{Name: "disk", OK: free >= diskNeeded, Detail: sized(free) + " free at " + dir}
	if !out.OK {
		out.Hint = "PostgreSQL stops writing when the disk is full: make room"
	}
	return out
}

// checkFsync measures what every commit waits for.
func checkFsync(dir string) check {
	took, err := fsyncTime(dir)
	if err != nil {
		return check{Name: "fsync", Detail: err.Error(), Hint: "run doctor as the user that runs the server"}
	}
	out := check{Name: "fsync", OK: took <= fsyncAllowed, Detail: took.Round(10*time.Microsecond).String() + " (median of 16)"}
	if !out.OK {
		out.Hint = "every commit waits that long: a faster disk makes everything faster"
	}
	return out
}

func fsyncTime(dir string) (time.Duration, error) {
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	block, times := make([]byte, 8<<10), make([]time.Duration, 16)
	for i := range times {
		if _, err := f.Write(block); err != nil {
			return 0, err
		}
		began := time.Now()
		if err := f.Sync(); err != nil {
			return 0, err
		}
		times[i] = time.Since(began)
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}

func checkKeyFile(dir string) []check {
	mode, err := keyFileMode(dir)
	if err != nil {
		return nil
	}
	out := check{Name: "first key", OK: mode&0o077 == 0, Detail: fmt.Sprintf("%s has mode %04o", displayPath(dir, firstKeyFile), mode)}
	if !out.OK {
		out.Hint = "others on this machine can read it: chmod 600 it, and have another key made"
	}
	return []check{out}
}
