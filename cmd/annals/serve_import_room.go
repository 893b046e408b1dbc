package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// A room is a directory in which one export lies while it is imported: beside the server's data, and for its owner alone.
// It is locked for as long as the server lives, so that what a server left that was killed is known for that.
type room struct {
	dir  string
	lock *os.File
}

// roomsIn is where rooms are in a data directory.
func roomsIn(data string) string { return filepath.Join(data, "imports") }

// makeRoom makes one, and clears away those that nobody is in any more.
func makeRoom(data string) (*room, error) {
	above := roomsIn(data)
	if err := os.MkdirAll(above, 0o700); err != nil {
		return nil, fmt.Errorf("make room for an import: %w", err)
	}
	clearRooms(data)
	for {
		dir, err := os.MkdirTemp(above, "import-*")
		if err != nil {
			return nil, fmt.Errorf("make room for an import: %w", err)
		}
		r, err := enter(dir)
		if err != nil || r != nil {
			return r, err
		}
	}
}

// enter locks a room; nil: somebody is in it, or it was cleared away at this very moment.
func enter(dir string) (*room, error) {
	f, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open the room for an import: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, nil
		}
		return nil, fmt.Errorf("lock the room for an import: %w", err)
	}
	if _, err := os.Stat(dir); err != nil {
		f.Close()
		return nil, nil
	}
	return &room{dir, f}, nil
}

// leave removes the room and what is in it. What cannot be removed now is cleared away later.
func (r *room) leave() {
	_ = os.RemoveAll(r.dir)
	r.lock.Close()
}

// clearRooms removes the rooms of servers that are gone.
func clearRooms(data string) {
	left, _ := os.ReadDir(roomsIn(data)) // what cannot be listed cannot be cleared
	for _, e := range left {
		if r, err := enter(filepath.Join(roomsIn(data), e.Name())); err == nil && r != nil {
			r.leave()
		}
	}
}
