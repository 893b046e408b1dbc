package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"
)

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
