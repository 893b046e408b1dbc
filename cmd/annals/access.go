package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

func (a *app) accessCommand() *cobra.Command {
	return group("access", "What somebody may do, and who may do something: explain, who-can", nil, a.accessExplain(), a.accessWhoCan())
}

func (a *app) accessExplain() *cobra.Command {
	var at placeFlag
	var asOf asOfFlag
	cmd := &cobra.Command{
		Use: "explain [PERSON]", Short: "Say what somebody may do in a workspace or organization, and which permission comes from where, now or earlier", Args: cobra.MaximumNArgs(1),
		Long: memberWords + "\nWithout one it is about yourself.",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			c, err := a.client()
			if err != nil {
				return err
			}
			p, err := at.in(ctx, a, c, cmd)
			if err != nil {
				return err
			}
			vars, err := p.moment(asOf)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				if vars["member"], err = p.who(ctx, c, args[0]); err != nil {
					return err
				}
			}
			const operation = `query($workspace: String, $organization: String, $member: String, $asOf: AsOf) {
				effectiveAccess(workspace: $workspace, organization: $organization, member: $member, asOf: $asOf) {
					member kind name erased suspended permissions { permission sources { level role team } } sources { level role team through permissions }
					asOf { revision time settled } organizationAsOf { revision time settled } } }`
			var data struct{ EffectiveAccess json.RawMessage }
			if err := c.query(ctx, operation, vars, &data); err != nil {
				return err
			}
			if len(data.EffectiveAccess) == 0 || string(data.EffectiveAccess) == "null" {
				return p.missing()
			}
			return a.printObject(data.EffectiveAccess, a.writeAccess)
		},
	}
	at.add(cmd)
	asOf.add(cmd)
	return cmd
}

// writeAccess tells who it is about, and then each permission with what it comes from.
func (a *app) writeAccess(w io.Writer, r row) error {
	err := facts(w, "member", r.text("member"), "name", r.text("name"), "suspended", r.text("suspended"), "as of", shortTime(r.text("asOf", "time")), "revision", r.text("asOf", "revision"))
	if err != nil {
		return err
	}
	permissions, _ := r.at("permissions").([]any)
	if len(permissions) == 0 {
		_, err := fmt.Fprintln(w, "may do nothing here")
		return err
	}
	fmt.Fprintln(w)
	t := a.table([]column{{"MAY", field("permission")}, {"BY", func(r row) string { return sources(row{"through": r.at("sources")}) }}})
	t.w = w
	for _, one := range permissions {
		m, _ := one.(map[string]any)
		t.add(m)
	}
	return t.flush()
}

// moment is the place and the moment, as arguments of a question about it.
func (p roster) moment(asOf asOfFlag) (map[string]any, error) {
	vars := p.input(nil)
	at, err := asOf.input()
	if at != nil {
		vars["asOf"] = at
	}
	return vars, err
}

func (a *app) accessWhoCan() *cobra.Command {
	var f listFlags
	var at placeFlag
	var asOf asOfFlag
	var kinds []string
	cmd := &cobra.Command{
		Use: "who-can PERMISSION", Short: "List who may do something in a workspace or organization, and by which roles, now or earlier", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			c, err := a.client()
			if err != nil {
				return err
			}
			p, err := at.in(ctx, a, c, cmd)
			if err != nil {
				return err
			}
			vars, err := p.moment(asOf)
			if err != nil {
				return err
			}
			vars["permission"] = args[0]
			if len(kinds) > 0 {
				vars["kinds"] = upper(kinds)
			}
			operation := `query($workspace: String, $organization: String, $permission: String!, $kinds: [MemberKind!], $asOf: AsOf, $first: Int, $after: String) {
				whoCan(workspace: $workspace, organization: $organization, permission: $permission, kinds: $kinds, asOf: $asOf, first: $first, after: $after) ` +
				strings.Replace(pageFields("member kind id name erased roles through { level role team permissions } suspended lastActiveAt revision"), "{", "{ "+momentFields, 1) + ` }`
			return a.collect(f, func(first int, after *string) (page, error) {
				vars["first"], vars["after"] = first, after
				var data struct {
					WhoCan *struct {
						page
						AsOf json.RawMessage
					}
				}
				if err := c.query(ctx, operation, vars, &data); err != nil {
					return page{}, err
				}
				if data.WhoCan == nil {
					return page{}, p.missing()
				}
				c.shows(shownMoment{data.WhoCan.AsOf, asOf.given()})
				asOf.hold(a.shown)
				vars["asOf"], err = asOf.input()
				return data.WhoCan.page, err
			}, []column{{"MEMBER", field("member")}, {"NAME", field("name")}, {"BY", sources}, {"LAST ACTIVE", moment("lastActiveAt")}})
		},
	}
	f.add(cmd, 50)
	at.add(cmd)
	asOf.add(cmd)
	cmd.Flags().StringSliceVar(&kinds, "kind", nil, "only these `kinds`: account, service_account, team")
	return cmd
}
