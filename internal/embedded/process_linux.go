package embedded

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// alive reports whether a process runs. One that has ended and was not collected by its parent is dead: in a
// container nobody may ever collect it.
func alive(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	// "pid (name) state ...", where the name may hold anything, parentheses too.
	rest := stat[bytes.LastIndexByte(stat, ')')+1:]
	state := bytes.TrimSpace(rest)
	return len(state) > 0 && state[0] != 'Z' && state[0] != 'X'
}

// quitOrphans tells the children of a dead postmaster to quit at once, as it would have done itself: they
// work in the cluster's directory, and a long statement would keep one for as long as it takes.
func quitOrphans(cluster string) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return
	}
	real, err := filepath.EvalSymlinks(cluster)
	if err != nil {
		return
	}
	var orphans []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		dir, err := os.Readlink(filepath.Join("/proc", entry.Name(), "cwd"))
		if err != nil || dir != real {
			continue
		}
		line, err := os.ReadFile(filepath.Join("/proc", entry.Name(), "cmdline"))
		if err != nil || len(line) == 0 {
			continue
		}
		if !strings.HasPrefix(string(line), "postgres:") {
			return // a postmaster lives: these are its children
		}
		orphans = append(orphans, pid)
	}
	for _, pid := range orphans {
		_ = syscall.Kill(pid, syscall.SIGQUIT)
	}
}

// machineMemory is what the machine, or the container's limit, gives us, in bytes; 0 when unknown.
func machineMemory() uint64 {
	var total uint64
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) >= 2 && fields[0] == "MemTotal:" {
			kilobytes, err := strconv.ParseUint(fields[1], 10, 64)
			if err != nil {
				return 0
			}
			total = kilobytes * 1024
		}
	}
	if limit, err := os.ReadFile("/sys/fs/cgroup/memory.max"); err == nil {
		if bytes, err := strconv.ParseUint(strings.TrimSpace(string(limit)), 10, 64); err == nil {
			total = min(total, bytes)
		}
	}
	return total
}
