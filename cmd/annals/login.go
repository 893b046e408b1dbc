package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// clientName is what this program calls itself when it asks to be signed in.
const clientName = "annals-cli"

func (a *app) loginCommand() *cobra.Command {
	var scopes []string
	var withKey bool
	cmd := &cobra.Command{
		Use: "login [URL]", Short: "Sign in to a server by a browser, and keep the key under a profile", Args: cobra.MaximumNArgs(1),
		Long: `Sign in to a server. It shows a code; you type it into a page of that server, in a browser where you
are or get signed in, and say yes. What comes back is a personal API key, which is kept in config.yaml
in your directory for configuration (annals/config.yaml), readable by you alone.

URL is https://HOST, or https://HOST/workspaces/SLUG to work in that workspace; without one, it is the
server that other commands would speak to. --profile names the profile; without one, it is called after
the host. --with-key takes a key from standard input instead, for machines without anybody at them.

What a command speaks to, the first that is there: --url and --api-key, their environment variables,
annals.yaml; --profile; the server that runs on the data in --data; the profile last signed in to, or
chosen by "annals profile use".`,
		RunE: func(cmd *cobra.Command, args []string) error {
			address, workspace, err := a.loginPlace(strings.Join(args, ""))
			if err != nil {
				return err
			}
			c, err := a.clientOf(address, "")
			if err != nil {
				return err
			}
			if withKey {
				text, err := io.ReadAll(io.LimitReader(a.stdin, 4096))
				if c.key = strings.TrimSpace(string(text)); err != nil || c.key == "" {
					return usage("there is no key on standard input: %v", err)
				}
			} else if c.key, err = a.deviceKey(cmd.Context(), c, scopes); err != nil {
				return err
			}
			return a.keep(cmd.Context(), c, workspace)
		},
	}
	cmd.Flags().StringSliceVar(&scopes, "scope", []string{"admin"}, "what the key may do, of what you may: `read,ingest,write,admin`")
	cmd.Flags().BoolVar(&withKey, "with-key", false, "take a key from standard input")
	return cmd
}

// loginPlace is the server to sign in to, and the workspace to work in there.
func (a *app) loginPlace(said string) (address, workspace string, err error) {
	if said == "" {
		if said, err = a.address(); err != nil {
			return "", "", err
		}
	}
	address, workspace, err = serverPlace(said)
	return address, cmp.Or(a.global.workspace, workspace), err
}

// grantShown is what a server answers to a program that asks to be signed in (RFC 8628).
type grantShown struct {
	DeviceCode string `json:"device_code"`
	UserCode   string `json:"user_code"`
	Page       string `json:"verification_uri"`
	Whole      string `json:"verification_uri_complete"`
	ExpiresIn  int    `json:"expires_in"`
	Interval   int    `json:"interval"`
}

// deviceKey has a person say yes in a browser, and answers the key.
func (a *app) deviceKey(ctx context.Context, c *client, scopes []string) (string, error) {
	host, _ := os.Hostname() // without one, the page names only the program
	form := url.Values{"client_id": {clientName}, "scope": {strings.Join(scopes, " ")}, "device_name": {host}}
	var g grantShown
	if code, err := c.form(ctx, "/oauth/device_authorization", form, &g); err != nil || code != "" {
		return "", cmp.Or(err, error(&failure{Exit: exitFailed, Code: code, Message: "the server does not let programs ask to be signed in: " + code}))
	}
	fmt.Fprintf(a.stderr, "Your code is  %s\nType it in at %s\n(or open %s)\n", clean(g.UserCode), clean(g.Page), clean(g.Whole))
	pause := time.Duration(max(g.Interval, 1)) * time.Second
	for end := time.Now().Add(time.Duration(g.ExpiresIn) * time.Second); time.Now().Before(end); {
		if err := sleep(ctx, pause); err != nil {
			return "", err
		}
		var got struct {
			Key string `json:"access_token"`
		}
		code, err := c.form(ctx, "/oauth/token", url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {g.DeviceCode}, "client_id": {clientName}}, &got)
		switch {
		case err != nil:
			return "", err
		case code == "" && got.Key != "":
			return got.Key, nil
		case code == "authorization_pending":
		case code == "slow_down":
			pause += 5 * time.Second
		case code == "access_denied":
			return "", &failure{Exit: exitAuth, Code: code, Message: "it was denied: nothing was signed in"}
		default:
			return "", &failure{Exit: exitAuth, Code: code, Message: "signing in failed: " + code}
		}
	}
	return "", (&failure{Exit: exitTimeout, Code: "expired_token", Message: "nobody said yes in time"}).with("`annals login` begins again")
}

// form sends a form, and reads a JSON answer, or the code of a refusal in the words of OAuth.
func (c *client) form(ctx context.Context, path string, form url.Values, out any) (code string, err error) {
	resp, err := c.send(ctx, http.MethodPost, path, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}}, []byte(form.Encode()))
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return "", c.unreachable(ctx, err)
	}
	if resp.StatusCode == http.StatusOK {
		if err := json.Unmarshal(body, out); err != nil {
			return "", c.strange(resp, err)
		}
		return "", nil
	}
	var no struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(body, &no) != nil || no.Error == "" {
		return "", refusal(resp.StatusCode, body)
	}
	return no.Error, nil
}

// whoIs is for whom a key speaks.
type whoIs struct {
	Account *struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"account"`
	Holder struct {
		Kind string `json:"kind"`
		ID   string `json:"id"`
	} `json:"holder"`
	Credential struct {
		Kind string `json:"kind"`
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"credential"`
}

// keep asks for whom a key speaks, and writes the profile.
func (a *app) keep(ctx context.Context, c *client, workspace string) error {
	var who whoIs
	if err := c.rest(ctx, http.MethodGet, "/v1/whoami", nil, &who); err != nil {
		return err
	}
	p := profile{URL: c.base, Key: c.key, Workspace: workspace, Account: who.Holder.ID, Name: who.Credential.Name}
	if who.Account != nil {
		p.Name = cmp.Or(who.Account.Name, p.Name)
	}
	if workspace != "" {
		var there struct{ Workspace *struct{ Slug string } }
		if err := c.query(ctx, `query($slug: String!) { workspace(slug: $slug) { slug } }`, map[string]any{"slug": workspace}, &there); err != nil {
			return err
		}
		if there.Workspace == nil {
			return &failure{Exit: exitNotFound, Code: "not_found", Message: fmt.Sprintf("%s has no workspace %q, or you may not see it: nothing was kept", c.base, workspace)}
		}
	}
	all, err := a.loadProfiles()
	if err != nil {
		return err
	}
	name := a.global.profile
	if name == "" {
		u, err := url.Parse(c.base)
		if err != nil {
			return fmt.Errorf("name the profile: %w", err)
		}
		name = u.Host + strings.ReplaceAll(u.Path, "/", "-")
	}
	all.Profiles[name], all.Current = p, name
	if err := a.saveProfiles(all); err != nil {
		return err
	}
	return a.printObject(rawJSON(profileRow{name, p.URL, p.Name, p.Account, p.Workspace, true}), showProfile)
}

func showProfile(w io.Writer, r row) error {
	return facts(w, "profile", r.text("profile"), "server", r.text("url"), "as", r.text("name"), "workspace", r.text("workspace"))
}

func (a *app) logoutCommand() *cobra.Command {
	return &cobra.Command{
		Use: "logout", Short: "End the key of a profile, and forget the profile", Args: cobra.NoArgs,
		Long: `End the key of a profile, on the server, and forget the profile: the current one, or that of --profile.
Where the server cannot be reached, nothing is forgotten.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, err := a.loadProfiles()
			if err != nil {
				return err
			}
			name := cmp.Or(a.global.profile, all.Current)
			p, ok := all.Profiles[name]
			if !ok && name == "" {
				return (&failure{Exit: exitNotFound, Code: "not_found", Message: "you are signed in nowhere"}).with("`annals login URL` signs in")
			}
			if !ok {
				return noProfile(name, all)
			}
			c, err := a.clientOf(p.URL, p.Key)
			if err != nil {
				return err
			}
			if err := c.revokeOwn(cmd.Context()); err != nil {
				return err
			}
			if err := a.forget(name); err != nil {
				return err
			}
			return a.printObject(rawJSON(profileRow{Profile: name, URL: p.URL, Name: p.Name, Account: p.Account}), func(w io.Writer, r row) error {
				return facts(w, "signed out of", r.text("url"), "profile", r.text("profile"))
			})
		},
	}
}

// revokeOwn ends the client's own key. One that opens nothing any more has ended.
func (c *client) revokeOwn(ctx context.Context) error {
	parts := strings.Split(c.key, "_")
	if len(parts) != 4 {
		return nil
	}
	err := c.rest(ctx, http.MethodDelete, "/v1/keys/"+url.PathEscape(parts[2]), nil, nil)
	if err == nil {
		return nil
	}
	if f := failureOf(err); f.Exit == exitNotFound || strings.HasPrefix(f.Code, "key_") {
		return nil
	}
	return err
}

func (a *app) whoamiCommand() *cobra.Command {
	return &cobra.Command{
		Use: "whoami", Short: "Say for whom the key speaks, and where", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			var who map[string]any
			if err := c.rest(cmd.Context(), http.MethodGet, "/v1/whoami", nil, &who); err != nil {
				return err
			}
			who["server"] = c.base
			return a.printObject(rawJSON(who), func(w io.Writer, r row) error {
				return facts(w, "server", r.text("server"), "name", r.text("account", "name"), "signs in as", r.text("account", "login"), "account", r.text("holder", "id"),
					"key", r.text("credential", "id"), "scopes", r.text("credential", "scopes"), "only in", r.text("credential", "workspace"), "ends", shortTime(r.text("credential", "expiresAt")),
					"organization", r.text("organization"), "works in", cmp.Or(a.global.workspace, a.profileWorkspace, r.text("defaultWorkspace")), "operates the server", r.text("operator"))
			})
		},
	}
}
