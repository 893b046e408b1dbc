package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func (a *app) keyCommand() *cobra.Command {
	return group("key", "API keys: create, list, revoke", []string{"keys"}, a.keyCreate(), a.keyList(), a.keyRevoke())
}

func (a *app) keyCreate() *cobra.Command {
	var scopes []string
	var kind, expires string
	cmd := &cobra.Command{
		Use: "create [NAME]", Short: "Make an API key; it is shown once and kept nowhere", Args: cobra.MaximumNArgs(1),
		Long: `Make an API key. It is shown once: the server keeps only a hash of it.

Scopes: read (look), ingest (send events in, read nothing), write (ingest, read and change things),
admin (everything, workspaces and keys included). --workspace binds the key to one workspace.
Kinds: sa (a service's) and ing (an ingest key) have no end unless --expires says one, pat (a
person's) ends after 90 days, run (one run's) after a day. A key announces its end 14 days before.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(scopes) == 0 {
				return usage("--scope is missing").with("choose of read, ingest, write, admin")
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			body := filterOf(map[string]any{"name": strings.Join(args, ""), "kind": kind, "scopes": scopes, "workspace": a.global.workspace})
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
			var made json.RawMessage
			if err := c.rest(cmd.Context(), http.MethodPost, "/v1/keys", body, &made); err != nil {
				return err
			}
			return a.printObject(made, func(w io.Writer, r row) error {
				fmt.Fprintln(a.stderr, "annals: this key is shown once: keep it now")
				return facts(w, "key", r.text("key"), "id", r.text("id"), "name", r.text("name"), "scopes", scopesOf(r), "workspace", r.text("workspace"),
					"ends", shortTime(r.text("expiresAt")))
			})
		},
	}
	cmd.Flags().StringSliceVar(&scopes, "scope", nil, "what it may do: `read,ingest,write,admin`")
	cmd.Flags().StringVar(&kind, "kind", "", "what it is for: sa, ing, pat or run")
	cmd.Flags().StringVar(&expires, "expires", "", "when it ends: a `time`, or from now: 30d, 12h")
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
	var all bool
	cmd := &cobra.Command{
		Use: "list", Short: "List API keys (never their text)", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			path := "/v1/keys"
			if all {
				path += "?all=true"
			}
			var l list
			if err := c.rest(cmd.Context(), http.MethodGet, path, nil, &l); err != nil {
				return err
			}
			return a.printList(l, []column{
				{"ID", field("id")}, {"NAME", field("name")}, {"KIND", field("kind")}, {"SCOPES", scopesOf}, {"WORKSPACE", field("workspace")},
				{"STATUS", field("status")}, {"ENDS", moment("expiresAt")}, {"LAST USED", moment("lastUsedAt")}, {"CREATED", moment("createdAt")},
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "also those that were revoked or have expired")
	return cmd
}

func (a *app) keyRevoke() *cobra.Command {
	return &cobra.Command{
		Use: "revoke ID", Short: "End an API key for good, within a second", Args: cobra.ExactArgs(1),
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
