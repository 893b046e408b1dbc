// Snapshot writes schema/graphql/snapshot.graphql anew. It refuses where that would break clients, and names the
// breaks; -accept-breaking is for a release that has decided to.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/annals-io/annals/graphql/breaking"
)

func main() {
	dir := flag.String("dir", "../schema/graphql", "the `folder` of the schema")
	accept := flag.Bool("accept-breaking", false, "write it although clients break")
	flag.Parse()
	if err := run(*dir, *accept); err != nil {
		fmt.Fprintln(os.Stderr, "snapshot:", err)
		os.Exit(1)
	}
}

func run(dir string, accept bool) error {
	is, err := breaking.Load(dir)
	if err != nil {
		return err
	}
	name := filepath.Join(dir, "snapshot.graphql")
	old, err := os.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("read the old snapshot: %w", err)
	default:
		was, err := breaking.Parse(name, string(old))
		if err != nil {
			return err
		}
		if breaks := breaking.Breaks(breaking.Compare(was, is)); len(breaks) > 0 && !accept {
			for _, b := range breaks {
				fmt.Fprintln(os.Stderr, b)
			}
			return fmt.Errorf("%d changes break clients: undo them, or run with -accept-breaking", len(breaks))
		}
	}
	if err := os.WriteFile(name, []byte(breaking.Canonical(is)), 0o644); err != nil {
		return fmt.Errorf("write the snapshot: %w", err)
	}
	return nil
}
