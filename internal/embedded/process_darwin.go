package embedded

import (
	"errors"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// alive reports whether a process runs; launchd collects those that ended and were left by their parent.
func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

// quitOrphans does nothing here: macOS does not tell which directory a process works in. The children of a
// dead postmaster end by themselves when their statement does.
func quitOrphans(string) {}

// machineMemory is the machine's memory in bytes; 0 when unknown.
func machineMemory() uint64 {
	text, err := exec.Command("/usr/sbin/sysctl", "-n", "hw.memsize").Output()
	if err != nil {
		return 0
	}
	bytes, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return 0
	}
	return bytes
}
