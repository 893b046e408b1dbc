package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
)

func (a *app) keyCommand() *cobra.Command {
	return group("key", "API keys: create, list, rotate, revoke", []string{"keys"}, a.keyCreate(), a.keyList(), a.keyRotate(), a.keyRevoke())
}

// keyHolder are the flags that name a service account.
type keyHolder struct{ serviceAccount, organization string }

func (h *keyHolder) add(cmd *cobra.Command, what string) {
	cmd.Flags().StringVar(&h.serviceAccount, "service-account", "", what+" of the service account of this `name` or id, instead of yours")
	cmd.Flags().StringVar(&h.organization, "organization", "", "the `organization` of the service account; without it, yours")
}

// id is that of the service account, by its id or by its name in the organization; empty where none is named.
func (h *keyHolder) id(ctx context.Context, c *client) (string, error) {
	word := strings.TrimPrefix(h.serviceAccount, "service_account:")
	if _, err := uuid.Parse(word); err == nil || word == "" {
		return word, nil
	}
	organization := h.organization
	if organization == "" {
		var me struct{ Organization string }
		if err := c.rest(ctx, http.MethodGet, "/v1/whoami", nil, &me); err != nil {
			return "", err
		}
		organization = me.Organization
	}
	named, err := roster{organization: organization}.called(ctx, c, "serviceAccounts", word)
	switch {
	case err != nil:
		return "", err
	case len(named) == 0:
		return "", (&failure{Exit: exitNotFound, Code: "not_found", Message: fmt.Sprintf("organization %s has no service account called %q", organization, clip(word, 100))}).with("`annals service-account list` shows those there are; --organization names another organization")
	case len(named) > 1:
		return "", (&failure{Exit: exitUsage, Code: "ambiguous", Message: fmt.Sprintf("several service accounts are called %q", clip(word, 100)), Candidates: named}).with("name one of these")
	}
	return strings.TrimPrefix(named[0], "service_account:"), nil
}

func (a *app) keyCreate() *cobra.Command {
	var scopes []string
	var kind, expires string
	var holder keyHolder
	cmd := &cobra.Command{
		Use: "create [NAME]", Short: "Make an API key; it is shown once and kept nowhere", Args: cobra.MaximumNArgs(1),
		Long: `Make an API key. It is shown once: the server keeps only a hash of it.

Scopes: read (look), ingest (send events in, read nothing), write (ingest, read and change things),
admin (everything). A key never does more than its holder may at that moment. --workspace binds it
to one workspace. Yours end after 90 days unless --expires says otherwise, after 366 at the latest;
those of a service account have no end unless --expires says one. Kinds: pat (a person's), sa (a
service account's), ing (it ingests and no more). A key announces its end 14 days before.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(scopes) == 0 {
				return usage("--scope is missing").with("choose of read, ingest, write, admin")
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			robot, err := holder.id(cmd.Context(), c)
			if err != nil {
				return err
			}
			body := filterOf(map[string]any{
				"name": strings.Join(args, ""), "kind": kind, "scopes": scopes, "workspace": a.global.workspace,
				"serviceAccount": robot, "organization": holder.organization,
			})
			if expires != "" {
				in := days(expires)
				if t, err := parseTime(expires); err == nil {
					body["expiresAt"] = t
				} else if d, err := time.ParseDuration(in); err == nil && d > 0 {
					body["expiresIn"] = in
				} else {
					return usage("--expires %q is neither a time nor a length of time", expires).with("write 2026-12-31, 30d or 12h")
				}
			}
			return a.newKey(cmd, "/v1/keys", body, "name", "workspace")
		},
	}
	cmd.Flags().StringSliceVar(&scopes, "scope", nil, "what it may do: `read,ingest,write,admin`")
	cmd.Flags().StringVar(&kind, "kind", "", "what it is for: pat, sa or ing")
	cmd.Flags().StringVar(&expires, "expires", "", "when it ends: a `time`, or from now: 30d, 12h")
	holder.add(cmd, "make a key")
	return cmd
}

// newKey has a key made, and shows it this once, with more facts about it.
func (a *app) newKey(cmd *cobra.Command, path string, body any, more ...string) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	var made json.RawMessage
	if err := c.rest(cmd.Context(), http.MethodPost, path, body, &made); err != nil {
		return err
	}
	return a.printObject(made, func(w io.Writer, r row) error {
		fmt.Fprintln(a.stderr, "annals: this key is shown once: keep it now")
		pairs := []string{"key", r.text("key"), "id", r.text("id")}
		for _, field := range more {
			pairs = append(pairs, field, r.text(field))
		}
		pairs = append(pairs, "scopes", scopesOf(r), "ends", shortTime(r.text("expiresAt")))
		if old, ok := r.at("replaces").(map[string]any); ok {
			pairs = append(pairs, "replaces", row(old).text("id"), "which ends", shortTime(row(old).text("expiresAt")))
		}
		return facts(w, pairs...)
	})
}

func (a *app) keyRotate() *cobra.Command {
	var overlap string
	cmd := &cobra.Command{
		Use: "rotate ID", Short: "Replace an API key by one with the same rights; both work for a while", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			body := map[string]any{}
			if overlap != "" {
				in := days(overlap)
				if d, err := time.ParseDuration(in); err != nil || d < 0 {
					return usage("--overlap %q is no length of time", overlap).with("write 24h or 7d; 0s ends the old key at once")
				}
				body["overlap"] = in
			}
			return a.newKey(cmd, "/v1/keys/"+url.PathEscape(args[0])+"/rotate", body, "name", "workspace")
		},
	}
	cmd.Flags().StringVar(&overlap, "overlap", "", "how `long` the old key goes on beside the new one; without it a day")
	return cmd
}

// days lets people write 30d where Go wants 720h.
func days(s string) string {
	n, ok := strings.CutSuffix(s, "d")
	if !ok || n == "" || strings.Trim(n, "0123456789") != "" || len(n) > 4 {
		return s
	}
	d, err := strconv.Atoi(n)
	if err != nil {
		return s
	}
	return strconv.Itoa(d*24) + "h"
}

func scopesOf(r row) string {
	all, _ := r.at("scopes").([]any)
	words := make([]string, 0, len(all))
	for _, s := range all {
		if word, ok := s.(string); ok {
			words = append(words, word)
		}
	}
	return strings.Join(words, ",")
}

func (a *app) keyList() *cobra.Command {
	var all, everybody bool
	var kind string
	var holder keyHolder
	cmd := &cobra.Command{
		Use: "list", Short: "List API keys (never their text)", Args: cobra.NoArgs,
		Long: `List API keys: yours, unless something else is asked for. With --workspace SLUG those bound to that
workspace, of everybody where you manage its keys; with --service-account ID those of a service
account; with --everybody everybody's, for operators of the server.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			robot, err := holder.id(cmd.Context(), c)
			if err != nil {
				return err
			}
			q := url.Values{}
			if f := cmd.Flag("workspace"); f != nil && f.Changed {
				q.Set("workspace", a.global.workspace)
			}
			for name, value := range map[string]string{"kind": kind, "serviceAccount": robot, "organization": holder.organization} {
				if value != "" {
					q.Set(name, value)
				}
			}
			for name, set := range map[string]bool{"all": all, "everybody": everybody} {
				if set {
					q.Set(name, "true")
				}
			}
			l, err := c.allKeys(cmd.Context(), q)
			if err != nil {
				return err
			}
			return a.printList(l, []column{
				{"ID", field("id")}, {"NAME", field("name")}, {"KIND", field("kind")}, {"SCOPES", scopesOf}, {"WORKSPACE", field("workspace")},
				{"STATUS", field("status")}, {"ENDS", moment("expiresAt")}, {"LAST USED", moment("lastUsedAt")}, {"CREATED", moment("createdAt")},
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "also those that were revoked or have expired")
	cmd.Flags().BoolVar(&everybody, "everybody", false, "everybody's: for operators of the server")
	cmd.Flags().StringVar(&kind, "kind", "", "only those of this `kind`: pat, sa, ing or run")
	holder.add(cmd, "those")
	return cmd
}

// allKeys reads page after page.
func (c *client) allKeys(ctx context.Context, q url.Values) (list, error) {
	whole := list{Items: []json.RawMessage{}}
	for {
		var page list
		if err := c.rest(ctx, http.MethodGet, "/v1/keys?"+q.Encode(), nil, &page); err != nil {
			return list{}, err
		}
		whole.Items, whole.TotalCount = append(whole.Items, page.Items...), page.TotalCount
		if page.NextCursor == nil {
			return whole, nil
		}
		q.Set("after", *page.NextCursor)
	}
}

func (a *app) keyRevoke() *cobra.Command {
	return &cobra.Command{
		Use: "revoke ID", Short: "End an API key for good, at once", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			var gone json.RawMessage
			if err := c.rest(cmd.Context(), http.MethodDelete, "/v1/keys/"+url.PathEscape(args[0]), nil, &gone); err != nil {
				return err
			}
			return a.printObject(gone, func(w io.Writer, r row) error {
				return facts(w, "revoked", r.text("id"), "name", r.text("name"), "at", shortTime(r.text("revokedAt")))
			})
		},
	}
}
