package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/audit/checkpoint"
	"github.com/annals-io/annals/audit/leaf"
	"github.com/annals-io/annals/audit/verify"
	"golang.org/x/mod/sumdb/tlog"
)

// auditVerifyFlags say what is held against what.
type auditVerifyFlags struct {
	keys  []string
	since []string
}

func (a *app) auditVerifyCommand() *cobra.Command {
	var f auditVerifyFlags
	cmd := &cobra.Command{
		Use: "verify EXPORT|RECEIPT --key KEY", Short: "Check an export or a receipt offline: no server, no database", Args: cobra.ExactArgs(1),
		Long: `Check that an export holds what the instance once signed, all of it and nothing else, or that a
receipt is one. It reads files and asks nobody.

  annals audit verify fraud-export --key 'annals.example+4f2c61aa+AbCd…' --since kept.checkpoint

--key is what "annals audit key" prints, or a file of it, with former keys below the present one; say it
once for each instance that a part of the history was imported from. --since is what you kept from before: a checkpoint, a file of many as
sinks have them, a receipt or an earlier export. An export alone cannot show that its newest events
were cut off, since that is what an earlier one looked like; what you kept shows it.

Every failure names the stream, the revision and what is wrong. Exit code 6 if anything is.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			keys, err := f.readKeys()
			if err != nil {
				return err
			}
			var kept [][]byte
			for _, path := range f.since {
				notes, err := keptNotes(path)
				if err != nil {
					return err
				}
				kept = append(kept, notes...)
			}
			info, err := os.Stat(args[0])
			if errors.Is(err, fs.ErrNotExist) {
				return (&failure{Exit: exitNotFound, Code: "not_found", Message: fmt.Sprintf("there is no %s", args[0])}).with("name the directory of an export, or a receipt (.tlog-proof)")
			}
			if err != nil {
				return err
			}
			if !info.IsDir() {
				return a.verifyReceipt(args[0], keys)
			}
			report, err := verify.Export(cmd.Context(), args[0], verify.Options{Keys: keys, Since: kept})
			var none *bundle.NoBundleError
			if errors.As(err, &none) {
				return (&failure{Exit: exitUsage, Code: "no_export", Message: none.Error()}).with("`annals export WORKSPACE -o DIR` makes one")
			}
			if err != nil {
				return err
			}
			return a.printReport(report)
		},
	}
	fs := cmd.Flags()
	fs.StringArrayVar(&f.keys, "key", nil, "verifier `key` of the instance, or a file of it; again for each further one")
	fs.StringArrayVar(&f.since, "since", nil, "`file` of a checkpoint that was kept, or an earlier export; again for each further one")
	return cmd
}

// readKeys reads the keys that were given: as they are, or files of them.
func (f auditVerifyFlags) readKeys() (keys []checkpoint.Key, err error) {
	if len(f.keys) == 0 {
		return nil, usage("--key is missing: the verifier key of the instance").with("`annals audit key` prints it, where the instance is; get it by another way than the export")
	}
	for _, word := range f.keys {
		text := word
		if b, err := os.ReadFile(word); err == nil {
			text = string(b)
		} else if !strings.Contains(word, "+") {
			return nil, usage("--key %q is neither a verifier key nor a file of one", word).with("a key looks like annals.example+4f2c61aa+AbCd…")
		}
		for line := range strings.Lines(text) {
			if line = strings.TrimSpace(line); line == "" {
				continue
			}
			k, err := checkpoint.ParseKey(line)
			if err != nil {
				return nil, usage("--key: %v", err).with("`annals audit key` prints it, where the instance is")
			}
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil, usage("--key: the file has no key in it")
	}
	return keys, nil
}

// keptNotes reads the checkpoints that an auditor kept: in a file, in an export, or in a receipt.
func keptNotes(path string) (notes [][]byte, err error) {
	b, err := os.ReadFile(path)
	if info, failed := os.Stat(path); failed == nil && info.IsDir() {
		earlier, failed := bundle.Open(path)
		if failed != nil {
			return nil, usage("--since: %v", failed).with("name a checkpoint, a file of checkpoints, a receipt or an earlier export")
		}
		notes, err = earlier.Checkpoints()
		return notes, err
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, (&failure{Exit: exitNotFound, Code: "not_found", Message: fmt.Sprintf("--since: there is no %s", path)}).with("name a checkpoint, a file of checkpoints, a receipt or an earlier export")
	}
	if err != nil {
		return nil, err
	}
	if p, err := checkpoint.ParseProof(b); err == nil {
		return [][]byte{p.Checkpoint}, nil
	}
	notes = checkpoint.Split(b)
	if len(notes) == 0 || slices.ContainsFunc(notes, func(n []byte) bool { _, err := checkpoint.Read(n); return err != nil }) {
		return nil, usage("--since: %s holds no checkpoints", path).with("name a checkpoint, a file of checkpoints, a receipt or an earlier export")
	}
	return notes, nil
}

// printReport says what became of a verification.
func (a *app) printReport(r *verify.Report) error {
	var failed error
	if !r.OK() {
		failed = &failure{Exit: exitUnverified, Code: "unverified", Message: fmt.Sprintf("the history is not what was signed: %d things are wrong", len(r.Failures)), silent: a.global.output != "table"}
	}
	if a.global.output != "table" {
		return errors.Join(a.printObject(rawJSON(r), nil), failed)
	}
	for _, f := range r.Failures {
		if _, err := fmt.Fprintf(a.stdout, "WRONG  %s\n", clean(f.String())); err != nil {
			return err
		}
	}
	if failed != nil {
		return failed
	}
	for _, line := range reportLines(r) {
		if _, err := fmt.Fprintln(a.stdout, line); err != nil {
			return err
		}
	}
	return nil
}

// verifyReceipt checks a receipt by itself: it has the leaf with it.
func (a *app) verifyReceipt(path string, keys []checkpoint.Key) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	wrong := func(err error) error {
		return &failure{Exit: exitUnverified, Code: "unverified", Message: fmt.Sprintf("%s proves nothing: %v", filepath.Base(path), err)}
	}
	p, err := checkpoint.ParseProof(b)
	if err != nil {
		return wrong(err)
	}
	event, err := leaf.Parse(p.Extra)
	if err != nil {
		return wrong(err)
	}
	c, err := p.Check(tlog.RecordHash(p.Extra), keys...)
	if err != nil {
		return wrong(err)
	}
	if event.Revision != p.Index {
		return wrong(fmt.Errorf("its leaf is of revision %d, and lies at %d", event.Revision, p.Index))
	}
	return a.printReceipt(c, event)
}

// reportLines are what a report says to people.
func reportLines(r *verify.Report) []string {
	lines := []string{
		fmt.Sprintf("verified: %s of %s, %d events, all of them as they were signed", r.Workspace, r.Instance, r.Events),
		fmt.Sprintf("  %d checkpoints fit; the last is of %d events, root %s", r.Checkpoints, r.Sealed, r.Root),
		fmt.Sprintf("  the instance's log has it, at %d checkpoints", r.Instances),
		fmt.Sprintf("  %d bodies and texts are what their digests say; %d were erased", r.Evidence, r.Erased),
	}
	if r.Since > 0 {
		lines = append(lines, fmt.Sprintf("  it grew from all %d checkpoints that you kept", r.Since))
	} else {
		lines = append(lines, "  nothing that you kept was compared (--since): whether the newest events were cut off is not known")
	}
	if r.Others+r.Names > 0 {
		lines = append(lines, fmt.Sprintf("  not proven by it: %d events of other streams, %d readable names", r.Others, r.Names))
	}
	for _, origin := range r.Foreign {
		lines = append(lines, fmt.Sprintf("  checkpoints of %s were not checked: no --key is of that instance", origin))
	}
	return lines
}
