package fold_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
)

func serverCPU(m *model) float64 {
	rows := m.rows("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
	_ = context.Background
	total := 0.0
	for _, pid := range rows {
		b, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil {
			continue
		}
		f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+2:]))
		var u, s float64
		fmt.Sscan(f[11], &u)
		fmt.Sscan(f[12], &s)
		total += (u + s) / 100
	}
	return total
}

func ownCPU() float64 {
	var r syscall.Rusage
	syscall.Getrusage(0, &r)
	return float64(r.Utime.Nano()+r.Stime.Nano()) / 1e9
}
