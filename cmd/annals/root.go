package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// globalFlags are the settings of every command that speaks to a server.
type globalFlags struct {
	url, apiKey, data string
	profile           string
	workspace         string
	output            string
	noColor           bool
	timeout           time.Duration
	config            string
}

func (a *app) globals() *pflag.FlagSet {
	g := &a.global
	fs := pflag.NewFlagSet("global", pflag.ContinueOnError)
	fs.StringVar(&g.url, "url", "", "address of the server; without one, that of the instance in --data")
	fs.StringVar(&g.apiKey, "api-key", "", "API key; without one, the first key of the instance in --data")
	fs.StringVar(&g.data, "data", "annals-data", "data directory of a server on this machine")
	fs.StringVar(&g.profile, "profile", "", "`name` of a server that you signed in to, for --url and --api-key")
	fs.StringVarP(&g.workspace, "workspace", "w", "", "workspace to work in; without one, that of the key")
	g.output = "table"
	fs.VarP(oneOf{&g.output, []string{"table", "json", "ndjson", "yaml"}}, "output", "o", "form of the output")
	fs.BoolVar(&g.noColor, "no-color", false, "no colours; NO_COLOR does the same")
	fs.DurationVar(&g.timeout, "timeout", 30*time.Second, "longest wait for one answer")
	fs.StringVar(&g.config, "config", "", "configuration file; without one, annals.yaml where there is one")
	setting(fs, "url", "api-key", "data", "profile", "workspace", "output", "no-color", "timeout", "config")
	secret(fs, "api-key")
	return fs
}

// root is the whole command line.
func (a *app) root() *cobra.Command {
	a.set = &settings{getenv: a.getenv}
	globals := a.globals()
	serve := a.serveCommand()
	importing := a.importCommand()
	sets := []*pflag.FlagSet{globals, serve.Flags()}
	for _, c := range importing.Commands() {
		sets = append(sets, c.Flags())
	}
	known := settingNames(sets)

	root := &cobra.Command{
		Use:   "annals",
		Short: "The history of your pipelines: runs, artifacts and lineage, now or at any earlier moment",
		Long: `Annals keeps the history of machine-learning workspaces: pipelines, runs, steps, artifacts and
their lineage, now or at any earlier moment.

  annals serve                          start a server, with a database of its own
  annals import openlineage FILE        send recorded OpenLineage events to it
  annals run list                       what ran
  annals lineage ARTIFACT --up          what an artifact was made of
  annals log                            everything that was recorded, in order
  annals diff --from 2026-03-01         what became of things since then

Commands speak to the server at --url with the key --api-key; without them, to the one whose data
lie under ./annals-data, or else to the one you signed in to by "annals login".

Exit codes: 0 done, 1 failed, 2 not understood, 3 not found, 4 not allowed, 5 conflict,
6 verification failed, 7 timed out, 8 some were rejected, 130 interrupted.`,
		Args:          cobra.ArbitraryArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return noCommand(cmd, args[0], args[0])
			}
			return cmd.Help()
		},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Name() == cobra.ShellCompRequestCmd || cmd.Name() == cobra.ShellCompNoDescRequestCmd {
				return nil
			}
			return a.set.apply(cmd, known)
		},
	}
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.PersistentFlags().AddFlagSet(globals)
	root.AddCommand(
		serve, importing, a.organizationCommand(), a.workspaceCommand(), a.memberCommand(), a.teamCommand(), a.roleCommand(), a.serviceAccountCommand(), a.inviteCommand(), a.invitationCommand(), a.accessCommand(), a.pipelineCommand(), a.runCommand(), a.artifactCommand(),
		a.lineageCommand(), a.logCommand(), a.diffCommand(), a.replayCommand(), a.exportCommand(), a.projectionCommand(), a.operationCommand(), a.eventstoreCommand(), a.auditCommand(), a.keyCommand(), a.loginCommand(), a.logoutCommand(), a.whoamiCommand(), a.profileCommand(), a.loginLinkCommand(), a.accountCommand(), a.doctorCommand(), a.benchCommand(), a.versionCommand(),
		a.eraseCommand(), a.forkCommand(), a.vaultCommand(),
		a.configCommand(func() []*pflag.FlagSet { return sets[1:] }),
	)
	strict(root)
	root.SetGlobalNormalizationFunc(formerly)
	return root
}

// formerly takes the word that a flag had: a workspace was once called a tenant.
func formerly(_ *pflag.FlagSet, name string) pflag.NormalizedName {
	if name == "tenant" {
		name = "workspace"
	}
	return pflag.NormalizedName(name)
}

// strict makes every misuse of the command line a usage failure, and has groups refuse words that name no command.
func strict(cmd *cobra.Command) {
	cmd.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usage("%v", err).with("`%s --help` shows how", c.CommandPath())
	})
	if args := cmd.Args; args != nil {
		cmd.Args = func(c *cobra.Command, given []string) error {
			if err := args(c, given); err != nil {
				return misused(c, given, err)
			}
			return nil
		}
	}
	for _, c := range cmd.Commands() {
		strict(c)
	}
}

// misused says which word is missing or too many, in the words of the command's usage.
func misused(c *cobra.Command, given []string, err error) error {
	var needed []string
	for _, word := range strings.Fields(c.Use)[1:] {
		if !strings.HasPrefix(word, "[") && !strings.HasPrefix(word, "-") && strings.ToUpper(word) == word {
			needed = append(needed, word)
		}
	}
	hint := "usage: " + c.UseLine()
	switch {
	case len(given) < len(needed):
		return usage("%s is missing", strings.TrimSuffix(needed[len(given)], "...")).with("%s", hint)
	case len(needed) == 0 && len(given) > 0 && !strings.Contains(c.Use, "["):
		return usage("`%s` takes no words, and %q is one", c.CommandPath(), given[0]).with("%s", hint)
	case len(given) > len(needed):
		return usage("%q is a word too many", given[len(given)-1]).with("%s", hint)
	}
	return usage("%v", err).with("%s", hint)
}

// noCommand says that a word is no command, and which ones it may have been meant for.
func noCommand(cmd *cobra.Command, word, shown string) error {
	f := usage("there is no command %q", shown).with("`%s --help` lists them all", cmd.CommandPath())
	cmd.SuggestionsMinimumDistance = 2
	for _, one := range cmd.SuggestionsFor(word) {
		f.Candidates = append(f.Candidates, "did you mean `"+cmd.CommandPath()+" "+one+"`?")
	}
	return f
}

// completion adds the command that writes completions, and has it refuse shells that it does not know.
func completion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() != "completion" {
			continue
		}
		c.Args = cobra.ArbitraryArgs
		c.RunE = func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("there is no completion for %q", args[0]).with("choose of bash, zsh, fish, powershell")
			}
			return cmd.Help()
		}
	}
}

// group is a command that only has others under it.
func group(use, short string, aliases []string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Aliases: aliases, Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return noCommand(cmd, args[0], cmd.CommandPath()+" "+args[0])
			}
			return cmd.Help()
		},
	}
	cmd.AddCommand(commands...)
	return cmd
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version of this program", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if a.global.output == "table" {
				_, err := fmt.Fprintf(a.stdout, "annals %s\n", buildVersion())
				return err
			}
			return a.printObject(rawJSON(map[string]string{"version": buildVersion(), "go": goVersion(), "platform": platform()}), nil)
		},
	}
}
