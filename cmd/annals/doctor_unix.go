//go:build unix

package main

import (
	"fmt"
	"syscall"
)

// freeBytes is the room on the disk of a directory, for those without privileges.
func freeBytes(dir string) (int64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("look at the disk of %s: %w", dir, err)
	}
	return int64(uint64(s.Bavail) * uint64(s.Bsize)), nil
}
