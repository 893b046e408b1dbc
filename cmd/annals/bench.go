package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/annals-io/annals/internal/bench"
)

// benchGroups are what can be measured alone.
var benchGroups = []string{"executor", "esdb", "ingest", "rebuild", "rebuild-live", "rights", "lists", "workspaces", "lineage", "audit", "replay", "history", "asof", "diff"}

// benchCommand measures this program on this machine, each figure beside its ceiling.
func (a *app) benchCommand() *cobra.Command {
	var o bench.Options
	cmd := &cobra.Command{
		Use: "bench", Short: "Measure the budgets of this program, each beside what the machine can do at most", Args: cobra.NoArgs,
		Long: `Measure the budgets: commands, events over HTTP, rebuild, rights, lists, lineage, sealing, start. A PostgreSQL of its own is
started for each group, with fsync on; data is generated from a seed. It takes about half an hour, with
--short two minutes on smaller data and without a verdict.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.ContainsFunc(benchGroups, func(group string) bool { return strings.HasPrefix(group, o.Only) }) {
				return usage("--only: there is no group %q", o.Only).with("choose of %s", strings.Join(benchGroups, ", "))
			}
			o.Out, o.Log = a.stdout, a.stderr
			return bench.Run(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.Short, "short", false, "smaller data")
	cmd.Flags().StringVar(&o.Only, "only", "", "only this group: executor, esdb, ingest, rebuild, rebuild-live, rights, lists, workspaces, lineage, audit, replay, history, asof or diff")
	cmd.Flags().IntVar(&o.Events, "events", 0, "how many events lie there at first, of rebuild-live and history (default 1000000, short 20000)")
	cmd.Flags().StringVar(&o.Dir, "dir", "", "where the data are kept meanwhile; a temporary directory without it")
	cmd.Flags().Uint64Var(&o.Seed, "seed", 1, "of the generated data")
	return cmd
}
