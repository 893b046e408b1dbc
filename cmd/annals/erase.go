package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

func (a *app) eraseCommand() *cobra.Command {
	var f eraseFlags
	cmd := &cobra.Command{
		Use: "erase SUBJECT --reason TEXT", Short: "Destroy what can be read about a person or a thing; the history stays", Args: cobra.ExactArgs(1),
		Long: `Destroy what can be read about a subject. Events stay, with every digest and proof; what is gone reads
as erased at every moment, in rebuilt read models, replays and exports too. SUBJECT is one of

  person:ID                name, sign-in, e-mail address, sessions, names of keys; for operators, and for
                           the person themself. Operators may write the name they sign in with
  pipeline:NAME run:NAME   the free texts of a thing: description, sql, source, ownership; message and
  artifact:NAME            stack of failures; and the raw bodies that they came in
  event:REVISION           the raw body that an event came with
  workspace  role:NAME     descriptions
  invitation:ID            whom it was meant for
  and with --organization: organization, role:NAME, team:NAME, service-account:ID, invitation:ID

Names, parameters, tags, metadata and reasons are facts of the history, and stay. One raw body may hold
texts of several things; all of them go with it. --dry-run counts what would go.

The subject is said twice: by --confirm, or typed when it is asked for. Only owners may, in their place.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			return a.erase(cmd.Context(), c, args[0], f)
		},
	}
	cmd.Flags().StringVar(&f.reason, "reason", "", "why: it is kept in the history, so name nobody")
	cmd.Flags().StringVar(&f.confirm, "confirm", "", "the `subject` once more; without it a person is asked to type it")
	cmd.Flags().StringVar(&f.organization, "organization", "", "`organization` that the subject is of, instead of a workspace")
	cmd.Flags().BoolVar(&f.dry, "dry-run", false, "only count what would go")
	cmd.Flags().BoolVar(&f.full, "full", false, "rewrite the database's file of evidence, however large, also for what was erased before; writers wait meanwhile")
	return cmd
}

type eraseFlags struct {
	reason, confirm, organization string
	dry, full                     bool
}

// erase counts first, has a person confirm, and erases.
func (a *app) erase(ctx context.Context, c *client, subject string, f eraseFlags) error {
	path, body, said, err := a.erasureOf(ctx, c, subject, f)
	if err != nil {
		return err
	}
	if !f.dry && f.reason == "" {
		return usage("--reason is missing: an erasure is kept in the history with its own")
	}
	body["dryRun"] = true
	var counted json.RawMessage
	if err := c.rest(ctx, http.MethodPost, path, body, &counted); err != nil {
		return err
	}
	r, err := decodeRow(counted)
	if err != nil {
		return err
	}
	again := f.full && r.text("state") == "already" && nonzero(r.text("gone")) != "" // what was put off then is done now
	if f.dry || r.text("state") != "counted" && !again {
		return a.printObject(counted, writeErasure)
	}
	if f.confirm == "" && a.terminal(a.stderr) {
		if err := a.askForSubject(subject, r); err != nil {
			return err
		}
	} else if f.confirm != subject {
		return usage("something is erased only when it is said twice").with("add --confirm %s", subject)
	}
	delete(body, "dryRun")
	body["confirm"] = cmp.Or(said, strings.TrimPrefix(r.text("subject"), "person:"))
	var done json.RawMessage
	if err := c.rest(ctx, http.MethodPost, path, body, &done); err != nil {
		return err
	}
	return a.printObject(done, writeErasure)
}

// erasureOf is the request about a subject; said is what confirms it, empty where the server's answer says that.
func (a *app) erasureOf(ctx context.Context, c *client, subject string, f eraseFlags) (path string, body map[string]any, said string, err error) {
	body = map[string]any{"full": f.full}
	if f.reason != "" {
		body["reason"] = f.reason
	}
	if who, ok := cutPerson(subject); ok {
		return "/v1/accounts/" + url.PathEscape(who) + "/erasure", body, "", nil
	}
	body["subject"] = subject
	if f.organization != "" {
		return "/v1/organizations/" + url.PathEscape(f.organization) + "/erasures", body, subject, nil
	}
	slug, err := a.inWorkspace(ctx, c)
	return "/v1/workspaces/" + url.PathEscape(slug) + "/erasures", body, subject, err
}

// cutPerson is who a subject is, where it is a person; members are written account:ID.
func cutPerson(subject string) (who string, ok bool) {
	for _, kind := range []string{"person:", "account:"} {
		if who, ok = strings.CutPrefix(subject, kind); ok {
			return who, who != ""
		}
	}
	return "", false
}

// askForSubject shows a person what erasing comes to, and has them type the subject.
func (a *app) askForSubject(subject string, r row) error {
	if err := writeErasure(a.stderr, r); err != nil {
		return err
	}
	fmt.Fprintf(a.stderr, "Nothing brings it back. Type %s to erase it: ", subject)
	typed, err := bufio.NewReader(a.stdin).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read what was typed: %w", err)
	}
	if strings.TrimSpace(typed) != subject {
		return &failure{Exit: exitConflict, Code: "not_confirmed", Message: "that is not it: nothing was erased"}
	}
	return nil
}

// writeErasure shows what an erasure came to, or would come to.
func writeErasure(w io.Writer, r row) error {
	state := map[string]string{"counted": "nothing yet: this is what would go", "erased": "erased", "already": "it was erased before: nothing is left", "nothing": "there is nothing of it to erase"}[r.text("state")]
	pages := ""
	switch {
	case r.at("files") == true:
		pages = "rewritten: no page holds a byte of it"
	case r.text("filesLeft") == "watched":
		pages = "hold the bytes yet, in pages that nothing reads: something older is under way in the database, and the server tries again each minute"
	case r.text("filesLeft") == "large":
		pages = "hold the bytes yet, in pages that were freed, until other evidence comes to lie there: there is too much of it to be rewritten unasked. The same command with --full rewrites it; writers wait meanwhile"
	}
	return facts(w, "subject", r.text("subject"), "state", state, "erasure", r.text("erasure"), "revision", r.text("revision"), "at", r.text("at"),
		"texts", nonzero(r.text("texts")), "bodies", nonzero(r.text("bodies")), "bytes", nonzero(r.text("bytes")), "keys", nonzero(r.text("keys")), "rows", nonzero(r.text("rows")),
		"gone before", nonzero(r.text("gone")), "others lose texts", othersOf(r), "files", pages)
}

func nonzero(s string) string {
	if s == "0" {
		return ""
	}
	return s
}

// othersOf says which other things lose texts: "3 run, 1 pipeline".
func othersOf(r row) string {
	others, _ := r.at("others").(map[string]any)
	var parts []string
	for kind := range others {
		parts = append(parts, r.text("others", kind)+" "+strings.ReplaceAll(kind, "_", " "))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}
