package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A spending is processor time, of user and system together: what an event costs, however busy the machine is
// besides. It is zero where the system does not tell (it is read from /proc).
type spending struct{ server, database, load time.Duration }

// spent is what the server, its PostgreSQL and this program, which makes the load, have used so far.
func (m *machine) spent(t *target) (s spending) {
	var own syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &own) == nil {
		s.load = time.Duration(own.Utime.Nano() + own.Stime.Nano())
	}
	for pid, p := range processes() {
		switch {
		case pid == t.cmd.Process.Pid:
			s.server += p.own
		case pid == m.pg.PID():
			s.database += p.own + p.ended
		case p.parent == m.pg.PID():
			s.database += p.own
		}
	}
	return s
}

// each is what n events cost, as a note says it; "" where nothing is known.
func (s spending) each(since spending, n int) string {
	server, database, load := s.server-since.server, s.database-since.database, s.load-since.load
	if server <= 0 || n == 0 {
		return ""
	}
	per := func(d time.Duration) time.Duration { return (d / time.Duration(n)).Round(time.Microsecond) }
	return fmt.Sprintf("; processor time for each: server %v, PostgreSQL %v, making the load %v", per(server), per(database), per(load))
}

// A process is what /proc says of one: its parent, and the processor time of it and of its children that ended.
type process struct {
	parent     int
	own, ended time.Duration
}

// tick is the unit of time in /proc/*/stat: a hundredth of a second on every platform that Go runs on.
const tick = 10 * time.Millisecond

func processes() map[int]process {
	all := map[int]process{}
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it ended meanwhile
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		_, rest, ok := strings.Cut(string(text), ") ") // behind the name of the program, which may hold anything
		fields := strings.Fields(rest)
		if err != nil || !ok || len(fields) < 15 {
			continue
		}
		var n [15]int64
		for i := range n {
			n[i], _ = strconv.ParseInt(fields[i], 10, 64)
		}
		all[pid] = process{parent: int(n[1]), own: time.Duration(n[11]+n[12]) * tick, ended: time.Duration(n[13]+n[14]) * tick}
	}
	return all
}
