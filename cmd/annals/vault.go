package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/annals-io/annals/vault"
	"github.com/annals-io/annals/vault/kek"
)

// vaultDir is where the keys of names lie.
func vaultDir(data string) string { return filepath.Join(data, "vault") }

func (a *app) vaultCommand() *cobra.Command {
	return group("vault", "Keys that names are sealed with: rotate", nil, a.vaultRotate())
}

func (a *app) vaultRotate() *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use: "rotate", Short: "Wrap all keys of names anew, by a new master key or by another service", Args: cobra.NoArgs,
		Long: `Make a new master key, wrap the key of every person with it, and forget the old one. It works on the
keys in --data, on the machine where they lie; servers may run meanwhile, and need no restart.

--kek says what is to wrap the master key: file (it lies in the directory as it is, readable by its owner
alone), aws-kms://ARN, gcp-kms://NAME or hcvault://HOST:PORT/transit/keys/NAME. Without it, whatever
wraps it now. Interrupted, it is carried on when it is called again; until the end everything stays
readable. Backups of the old keys need what wrapped them then.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if to != "" && to != vault.LocalKEK {
				if err := kek.Check(to); err != nil {
					return usage("--kek: %v", err)
				}
			}
			if _, err := os.Stat(filepath.Join(vaultDir(a.global.data), "master.json")); err != nil {
				return (&failure{Exit: exitNotFound, Code: "not_found", Message: fmt.Sprintf("there are no keys in %s", vaultDir(a.global.data))}).with("name the data directory of the server by --data")
			}
			keys, err := vault.OpenWith(vault.Config{Dir: vaultDir(a.global.data), Service: kek.Open})
			if err == nil {
				err = keys.Ready()
			}
			if err != nil {
				return err
			}
			r, err := keys.Rotate(cmd.Context(), to, func(done, total int) {
				if a.terminal(a.stderr) {
					fmt.Fprintf(a.stderr, "\r%d of %d keys", done, total)
				}
			})
			if a.terminal(a.stderr) && r.Wrapped > 0 {
				fmt.Fprintln(a.stderr)
			}
			if err != nil {
				return fmt.Errorf("%w: call it again to carry on", err)
			}
			return a.printObject(rawJSON(map[string]any{"kek": r.KEK, "wrapped": r.Wrapped, "left": r.Left}), func(w io.Writer, row row) error {
				left := ""
				if r.Left > 0 {
					left = strconv.Itoa(r.Left) + " of an early form, which stay under the old master key"
				}
				return facts(w, "wrapped by", row.text("kek"), "wrapped anew", row.text("wrapped"), "left", left)
			})
		},
	}
	cmd.Flags().StringVar(&to, "kek", "", "`key` that is to wrap the master key")
	return cmd
}
