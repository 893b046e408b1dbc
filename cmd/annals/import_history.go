package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/audit/checkpoint"
	"github.com/annals-io/annals/audit/history"
)

// importHistoryFlags are those of importing an export.
type importHistoryFlags struct {
	as, organization string
	keys             []string
	patience         time.Duration
}

func (a *app) importHistoryCommand() *cobra.Command {
	var f importHistoryFlags
	cmd := &cobra.Command{
		Use: "history DIR --as SLUG", Short: "Bring an export into a new workspace", Args: cobra.ExactArgs(1),
		Long: `Bring the history that "annals export" wrote into a new workspace: events, ids, revisions, recorded
times, bodies and signed checkpoints as they were. It says so in its own history ("history.imported"),
and grants no right to anybody: you own the workspace, alone.

The export is proven before anything is written, here and by the server: digests, the form of every
line, and the roots of its checkpoints. With --key, the verifier key of the instance it comes from,
nothing is taken that this key did not sign. What is forged or cut is refused whole.

An import that is cut off, because the server was killed or cannot be reached, is taken up again by
itself for as long as --patience says; after that, or when this command itself was ended, by running it
again. It goes on where it was; one that is done says so.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.as == "" {
				return usage("--as is missing").with("say what the new workspace is called: --as SLUG")
			}
			return a.importHistory(cmd.Context(), args[0], f)
		},
	}
	cmd.Flags().StringVar(&f.as, "as", "", "`slug` of the new workspace")
	cmd.Flags().StringVar(&f.organization, "organization", "", "`slug` of the organization whose it will be; without one, that of the key")
	cmd.Flags().StringSliceVar(&f.keys, "key", nil, "verifier `key` of the instance that it comes from (annals audit key)")
	cmd.Flags().DurationVar(&f.patience, "patience", time.Minute, "how long to go on trying when the server is away")
	setting(cmd.Flags(), "patience")
	return cmd
}

func (a *app) importHistory(ctx context.Context, dir string, f importHistoryFlags) error {
	keys, err := verifierKeys(f.keys)
	if err != nil {
		return err
	}
	b, err := openBundle(dir)
	if err != nil {
		return err
	}
	if err := a.proveBundle(ctx, b, keys); err != nil {
		return err
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	c.endless(a)
	if f.organization == "" {
		if f.organization, err = a.ownOrganization(ctx, c); err != nil {
			return err
		}
	}
	result, err := a.bringHistory(ctx, c, b, f)
	if err != nil {
		return err
	}
	if err := c.query(ctx, seenQuery, map[string]any{"slug": result.Workspace, "at": result.Revision}, &struct{}{}); err != nil && ctx.Err() == nil {
		fmt.Fprintf(a.stderr, "annals: it is imported, and the read models are still taking it in: `annals projection list` shows how far they are\n")
	}
	raw, err := json.Marshal(result)
	if err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	if result.Already {
		fmt.Fprintf(a.stderr, "annals: this export is in workspace %s already: nothing was written\n", result.Workspace)
	}
	return a.printObject(raw, func(w io.Writer, r row) error {
		return facts(w, "workspace", r.text("workspace"), "imported up to revision", r.text("upTo"), "last revision", r.text("revision"), "events written now", r.text("events"))
	})
}

// verifierKeys reads the keys by which something is checked.
func verifierKeys(texts []string) (keys []checkpoint.Key, err error) {
	for _, text := range texts {
		k, err := checkpoint.ParseKey(text)
		if err != nil {
			return nil, usage("--key: %v", err).with("`annals audit key` of the instance that it comes from prints it")
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// proveBundle refuses an export in which anything is not as it was written or signed.
func (a *app) proveBundle(ctx context.Context, b *bundle.Bundle, keys []checkpoint.Key) error {
	bar := a.startProgress("bytes checked", 0)
	defer bar.stop()
	var was int64
	_, err := history.Prove(ctx, b, keys, func(done, total int64) {
		bar.reach(done, total)
		bar.add(int(done - was))
		was = done
	})
	var forged *history.ForgedError
	if errors.As(err, &forged) {
		return (&failure{Exit: exitUnverified, Code: "forged", Message: err.Error()}).with("do not use this export; get another one from its instance, and its key from somebody you trust")
	}
	return bundleFailure(err)
}

// ownOrganization is the organization of the key.
func (a *app) ownOrganization(ctx context.Context, c *client) (string, error) {
	var who struct {
		Organization string `json:"organization"`
	}
	if err := c.rest(ctx, http.MethodGet, "/v1/whoami", nil, &who); err != nil {
		return "", err
	}
	if who.Organization == "" {
		return "", usage("--organization is missing, and the key is of none").with("`annals organization list` shows those there are")
	}
	return who.Organization, nil
}

// seenQuery waits until what was imported can be read.
const seenQuery = `query($slug: String!, $at: Int64!) { workspace(slug: $slug, atLeast: $at, timeoutMs: 5000) { slug } }`
