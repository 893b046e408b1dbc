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
			for _, key := range append([]string{keys.Key}, keys.Former...) {
				if _, err := fmt.Fprintln(a.stdout, key); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&file, "audit-key", "", "`file` of the key that seals history")
	return cmd
}
