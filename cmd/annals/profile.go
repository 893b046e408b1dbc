package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"
)

func (a *app) profileCommand() *cobra.Command {
	return group("profile", "Servers that you signed in to: list them, choose one", []string{"profiles"}, a.profileList(), a.profileUse())
}

// profileRow is a line of `annals profile list`. The key is not shown.
type profileRow struct {
	Profile   string `json:"profile"`
	URL       string `json:"url"`
	Name      string `json:"name"`
	Account   string `json:"account"`
	Workspace string `json:"workspace"`
	Current   bool   `json:"current"`
}

func (a *app) profileList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the servers that you signed in to", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			all, err := a.loadProfiles()
			if err != nil {
				return err
			}
			var rows []any
			for _, name := range slices.Sorted(maps.Keys(all.Profiles)) {
				p := all.Profiles[name]
				rows = append(rows, profileRow{name, p.URL, p.Name, p.Account, p.Workspace, name == all.Current})
			}
			return a.printList(listOf(rows), []column{
				{"", func(r row) string {
					if r.at("current") == true {
						return "*"
					}
					return ""
				}}, {"PROFILE", field("profile")}, {"SERVER", field("url")}, {"AS", field("name")}, {"WORKSPACE", field("workspace")},
			})
		},
	}
}

func (a *app) profileUse() *cobra.Command {
	return &cobra.Command{
		Use: "use PROFILE", Short: "Choose the server to speak to where nothing else says which", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			all, err := a.loadProfiles()
			if err != nil {
				return err
			}
			p, ok := all.Profiles[args[0]]
			if !ok {
				return noProfile(args[0], all)
			}
			all.Current = args[0]
			if err := a.saveProfiles(all); err != nil {
				return err
			}
			return a.printObject(rawJSON(profileRow{args[0], p.URL, p.Name, p.Account, p.Workspace, true}), showProfile)
		},
	}
}

// forget takes a profile out of the file.
func (a *app) forget(name string) error {
	all, err := a.loadProfiles()
	if err != nil {
		return err
	}
	delete(all.Profiles, name)
	if all.Current == name {
		all.Current = ""
	}
	if err := a.saveProfiles(all); err != nil {
		return fmt.Errorf("forget profile %s: %w", name, err)
	}
	return nil
}
