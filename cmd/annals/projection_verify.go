package main

import (
	"encoding/json"
	"io"

	"github.com/spf13/cobra"
)

func (a *app) projectionVerify() *cobra.Command {
	var all, detach bool
	var order verifyOrder
	cmd := &cobra.Command{
		Use: "verify [WORKSPACE]", Short: "Compare every row of the read models with what the events say", Args: cobra.MaximumNArgs(1),
		Long: `Fold the events again, beside the live read model, and compare every row: a digest of each table, then
the rows of those that differ, by key and field. OLD is what is there, NEW what the events say. Where
anything differs the exit code is 6; "annals projection rebuild" makes it good.

Nothing waits for it: a workspace is compared at one revision, whatever is written meanwhile, and it
rests while commits get slow or the live models late, unless --full-speed. It is an operation of the
server: Ctrl-C ends the looking on, not the work.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			target := ""
			switch {
			case all && len(args) > 0:
				return usage("a WORKSPACE and --all are two things to verify").with("give one of them")
			case !all && len(args) == 0:
				return usage("WORKSPACE is missing").with("--all verifies all of them")
			case len(args) > 0:
				target = args[0]
			}
			return a.operate(cmd.Context(), "projection.verify", target, order, detach, a.concludeVerify)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "all workspaces, organizations and accounts (for operators)")
	cmd.Flags().BoolVar(&order.FullSpeed, "full-speed", false, "do not rest while others work")
	cmd.Flags().BoolVar(&detach, "detach", false, "order it, and do not wait for it")
	return cmd
}

// concludeVerify is the end of a verification that was followed.
func (a *app) concludeVerify(o operation, _ json.RawMessage) error {
	if o.State == "done" && o.found() {
		if err := a.printObject(o.Result, a.writeVerification); err != nil {
			return err
		}
	}
	err := o.failed()
	if f, ok := err.(*failure); ok && f.Code == "different" {
		f.Hint = "somebody altered the read model, or what folded it has a fault: `annals projection rebuild` builds it anew from the events"
	}
	return err
}

// writeVerification tells people what was compared, and how it differs: a line for each field of the first rows that do.
func (a *app) writeVerification(w io.Writer, r row) error {
	err := facts(w, "verified", r.text("model"), "workspaces", r.text("workspaces"), "events", r.text("events"), "rate", wholeRate(r), "equal", yesNo(r.at("equal")),
		"tables that differ", unlessZero(r.text("tables")), "paused", r.text("paused"))
	if err != nil {
		return err
	}
	return a.writeDifferences(w, r)
}
