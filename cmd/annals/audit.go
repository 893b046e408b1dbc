package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/annals-io/annals/audit/checkpoint"
)

func (a *app) auditCommand() *cobra.Command {
	return group("audit", "Prove that history is what it was", nil, a.auditKeyCommand(), a.auditProveCommand(), a.auditVerifyCommand(), a.auditResumeCommand())
}

func (a *app) auditKeyCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "key", Short: "Print the key by which an auditor checks this instance's history", Args: cobra.NoArgs,
		Long: `Print the verifier key of an instance: what an auditor needs to check its exports, checkpoints and
receipts. It is no secret. It is read from the key file, where it lies on this machine (--audit-key, or
audit.key in --data), else asked of the server.

Give it to auditors by another way than the exports: whoever can replace both can make them fit.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			signer, err := checkpoint.Load(auditKeyPath(file, a.global.data))
			var keys auditKeys
			switch {
			case err == nil:
				keys = keysOf(signer)
			case file != "" || !errors.Is(err, fs.ErrNotExist):
				return err
			default:
				c, err := a.client()
				if err != nil {
					return err
				}
				if err := c.rest(cmd.Context(), http.MethodGet, "/v1/audit/key", nil, &keys); err != nil {
					return err
				}
			}
			if a.global.output != "table" {
				return a.printObject(rawJSON(keys), nil)
			}
			return a.printKeys(keys)
		},
	}
	cmd.Flags().StringVar(&file, "audit-key", "", "`file` of the key that seals history")
	cmd.AddCommand(a.auditKeyRotateCommand())
	return cmd
}

// printKeys prints verifier keys, a line each, as files of them have it.
func (a *app) printKeys(keys auditKeys) error {
	for _, key := range append([]string{keys.Key}, keys.Former...) {
		if _, err := fmt.Fprintln(a.stdout, key); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) auditKeyRotateCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "rotate", Short: "Seal history by a new key from now on", Args: cobra.NoArgs,
		Long: `Make a new key that seals history, put it in the place of the old one, and print the verifier keys that
auditors need from now on: the new one, and below it all former ones, by which older checkpoints and
receipts go on being checked. The old private key is gone after that.

It works on the key file, on the machine where it lies (--audit-key, or audit.key in --data). Servers may
run meanwhile, and need no restart: one that reads this file seals by the new key within seconds. A server
that has a copy of the old file elsewhere seals nothing any more once the new key has sealed; give it the
new one. Back the new file up, and give the printed lines to auditors by another way than the exports.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path := auditKeyPath(file, a.global.data)
			signer, err := checkpoint.Rotate(path)
			if errors.Is(err, fs.ErrNotExist) {
				return (&failure{Exit: exitNotFound, Code: "not_found", Message: fmt.Sprintf("there is no key at %s", path)}).with("run it where the server's key lies, and name its data directory by --data or the file by --audit-key")
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(a.stderr, "annals: history is sealed by a new key from now on; back up %s, and give auditors these lines\n", path)
			keys := keysOf(signer)
			if a.global.output != "table" {
				return a.printObject(rawJSON(keys), nil)
			}
			return a.printKeys(keys)
		},
	}
	cmd.Flags().StringVar(&file, "audit-key", "", "`file` of the key that seals history")
	return cmd
}
