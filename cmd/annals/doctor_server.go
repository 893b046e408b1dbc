package main

import (
	"fmt"
	"strings"
	"time"
)

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
