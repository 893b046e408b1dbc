package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/annals-io/annals/audit/checkpoint"
	"github.com/annals-io/annals/audit/leaf"
)

func (a *app) auditProveCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: "prove EVENT", Short: "Print a receipt: a proof that an event is in the signed history", Args: cobra.ExactArgs(1),
		Long: `Print the receipt of an event, which anybody can check offline with the instance's key: that this
event, with this envelope and these digests of data and metadata, is in the history that was signed.
It tells nothing of what the event says. EVENT is WORKSPACE@REVISION, a revision in the workspace you
work in, or an event's id there.

  annals audit prove fraud@4711 --file fraud-4711.tlog-proof
  annals audit verify fraud-4711.tlog-proof --key KEY`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			slug, event, ok := strings.Cut(args[0], "@")
			if ok && (slug == "" || event == "") || !ok && slug == "" {
				return usage("%q names no event", args[0]).with("write WORKSPACE@REVISION, a revision, or an event's id")
			}
			if !ok {
				event = slug
				if slug, err = a.inWorkspace(cmd.Context(), c); err != nil {
					return err
				}
			}
			resp, err := c.send(cmd.Context(), http.MethodGet, "/v1/workspaces/"+url.PathEscape(slug)+"/proofs/"+url.PathEscape(event), http.Header{"Accept": {"text/plain"}}, nil)
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			receipt, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
			if err != nil {
				return c.unreachable(cmd.Context(), err)
			}
			if resp.StatusCode >= 300 {
				return refusal(resp.StatusCode, receipt)
			}
			if _, err := checkpoint.ParseProof(receipt); err != nil {
				return c.strange(resp, err)
			}
			if out != "" {
				return os.WriteFile(out, receipt, 0o644)
			}
			return a.printObject(rawJSON(map[string]string{"receipt": string(receipt)}), func(w io.Writer, _ row) error {
				_, err := w.Write(receipt)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&out, "file", "", "`file` to write it to, instead of printing it")
	return cmd
}

// printReceipt says what a receipt that holds shows.
func (a *app) printReceipt(c checkpoint.Checkpoint, e leaf.Sealed) error {
	shown := map[string]any{
		"origin": c.Origin, "size": c.Size, "stream": e.Stream, "revision": e.Revision, "event": e.EventID.String(), "type": e.Type, "version": e.Version,
		"recordedAt": time.UnixMicro(e.RecordedAt).UTC(), "occurredAt": time.UnixMicro(e.OccurredAt).UTC(), "subjectKind": e.SubjectKind, "subjectId": e.SubjectID.String(),
		"dataSHA256": hex.EncodeToString(e.DataDigest[:]), "metaSHA256": hex.EncodeToString(e.MetaDigest[:]),
	}
	return a.printObject(rawJSON(shown), func(w io.Writer, r row) error {
		_, err := fmt.Fprintf(w, "verified: revision %d of %s is %s %s, recorded %s\n  signed by %s at %d events\n  SHA-256 of its data %x\n",
			e.Revision, e.Stream, e.Type, e.EventID, time.UnixMicro(e.RecordedAt).UTC().Format(time.RFC3339Nano), c.Origin, c.Size, e.DataDigest)
		return err
	})
}
