package embedded

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

const (
	// logLimit is the size at which the log becomes the previous log; two of them are kept.
	logLimit = 16 * mebibyte
	logCheck = time.Minute
)

// openLog opens the log PostgreSQL writes to. Appending matters: every write goes to the end, also after
// keepSmall has emptied the file under its hands.
func openLog(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log of postgres: %w", err)
	}
	return f, nil
}

// keepSmall trims the log from time to time until done.
func keepSmall(path string, done <-chan struct{}) {
	tick := time.NewTicker(logCheck)
	defer tick.Stop()
	for {
		// It fails where the disk is full or the log was taken away; the next round tries again.
		_ = trimLog(path, logLimit)
		select {
		case <-tick.C:
		case <-done:
			return
		}
	}
}

// trimLog moves a log longer than limit aside. What is written between copying and emptying is lost, which a
// log of warnings can bear and a disk that fills cannot.
func trimLog(path string, limit int64) error {
	info, err := os.Stat(path)
	if err != nil || info.Size() <= limit {
		return err
	}
	if err := copyFile(path, path+".1"); err != nil {
		return err
	}
	return os.Truncate(path, 0)
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// logTail is the end of the log, for the error of a start that failed.
func (s *Server) logTail() string {
	f, err := os.Open(s.place.file("postgres.log"))
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > 4096 {
		if _, err := f.Seek(-4096, io.SeekEnd); err != nil {
			return err.Error()
		}
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return err.Error()
	}
	return lastLines(text)
}
