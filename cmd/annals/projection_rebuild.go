package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"

	"github.com/spf13/cobra"
)

func (a *app) projectionRebuild() *cobra.Command {
	var order modelOrder
	var detach, rollback bool
	cmd := &cobra.Command{
		Use: "rebuild", Short: "Build the read models anew beside the live ones, compare, and swap", Args: cobra.NoArgs,
		Long: `Build the read models anew from the log, beside the live ones, which go on answering. The two are
compared: where the same code made them they must be equal, and where new code did, what differs is
shown and the new one waits beside the live one, unless --accept-differences takes it at once.

It rests while commits get slow or the live models late, unless --full-speed. The model before is
kept up for an hour, or as --keep-old says, and --rollback goes back to it.

It is an operation of the server: Ctrl-C ends the looking on, and "annals operation cancel" the work,
which changes nothing then.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := order.keepOld(); err != nil {
				return usage("--keep-old: %v", err)
			}
			if rollback && (order != modelOrder{KeepOld: order.KeepOld} || detach) {
				return usage("--rollback builds nothing: give it alone, or with --keep-old")
			}
			if rollback {
				return a.decide(cmd, "rollback", order, "live", "before")
			}
			return a.operate(cmd.Context(), "projection.rebuild", "", order, detach, a.concludeBuilding)
		},
	}
	cmd.Flags().BoolVar(&detach, "detach", false, "order it, and do not wait for it")
	cmd.Flags().BoolVar(&order.AcceptDifferences, "accept-differences", false, "swap although new code made other rows")
	cmd.Flags().StringVar(&order.KeepOld, "keep-old", "", "how `long` the model before is kept up, to go back to: 30m, 24h, 7d (default 1h)")
	cmd.Flags().BoolVar(&order.FullSpeed, "full-speed", false, "do not rest while others work")
	cmd.Flags().BoolVar(&rollback, "rollback", false, "build nothing: go back to the model before, as long as it is level")
	cmd.Flags().BoolVar(&order.Prove, "prove", false, "build twice, with pages of different sizes, and compare these too")
	return cmd
}

func (a *app) projectionSwap() *cobra.Command {
	var order modelOrder
	cmd := &cobra.Command{
		Use: "swap", Short: "Show how a rebuilt read model that waits differs; take it where nothing does", Args: cobra.NoArgs,
		Long: `Take the read model that was built anew and waits beside the live one. Where the two differ, what
was found is shown, nothing changes, and the exit code is 6: --accept-differences takes it
nevertheless, "annals projection discard" drops it.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			status, body, err := c.order(cmd.Context(), "/v1/projections/swap", order)
			if err != nil {
				return err
			}
			var said rebuildAnswer
			if json.Unmarshal(body, &said) != nil || said.Report == nil {
				return refusal(status, body)
			}
			return a.concludeRebuild(said)
		},
	}
	cmd.Flags().BoolVar(&order.AcceptDifferences, "accept-differences", false, "take it although it differs")
	cmd.Flags().StringVar(&order.KeepOld, "keep-old", "", "how `long` the model before is kept up, to go back to: 30m, 24h, 7d (default 1h)")
	return cmd
}

func (a *app) projectionDiscard() *cobra.Command {
	return a.decision("discard", "Drop a rebuilt read model that waits", `Drop the read model that was built anew and waits beside the live one, which stays as it is. No
server builds another one by itself until "annals projection rebuild" is run.`, "discarded", "live")
}

func (a *app) projectionRollback() *cobra.Command {
	var order modelOrder
	cmd := &cobra.Command{
		Use: "rollback", Short: "Go back to the read model that was live before", Args: cobra.NoArgs,
		Long: `Make the read model live again that was live before the last swap. It is kept for an hour, and must
have all that the live one has, within half a minute: where no server of the version that made it
runs, it has only while nothing was written since. The one that is gone back from is kept for an hour
in its turn, or as --keep-old says.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := order.keepOld(); err != nil {
				return usage("--keep-old: %v", err)
			}
			return a.decide(cmd, "rollback", order, "live", "before")
		},
	}
	cmd.Flags().StringVar(&order.KeepOld, "keep-old", "", "how `long` the model that is gone back from is kept up: 30m, 24h, 7d (default 1h)")
	return cmd
}

// decision is a command without options that answers a few names.
func (a *app) decision(name, short, long string, shown ...string) *cobra.Command {
	return &cobra.Command{
		Use: name, Short: short, Long: long, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.decide(cmd, name, modelOrder{}, shown...) },
	}
}

// decide has something done about the read models that are there, and shows a few names of the answer.
func (a *app) decide(cmd *cobra.Command, name string, order modelOrder, shown ...string) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	status, body, err := c.order(cmd.Context(), "/v1/projections/"+name, order)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return refusal(status, body)
	}
	return a.printObject(json.RawMessage(body), func(w io.Writer, r row) error {
		var pairs []string
		for _, name := range shown {
			pairs = append(pairs, name, r.text(name))
		}
		return facts(w, pairs...)
	})
}

// order sends an order about read models and reads the answer, which takes as long as it takes.
func (c *client) order(ctx context.Context, path string, order modelOrder) (status int, body []byte, err error) {
	c.http.Timeout = 0
	resp, err := c.send(ctx, http.MethodPost, path, http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}}, rawJSON(order))
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	if body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer)); err != nil {
		return 0, nil, c.unreachable(ctx, err)
	}
	return resp.StatusCode, body, nil
}

// rebuildAnswer is what a rebuild or a swap found, and what went wrong.
type rebuildAnswer struct {
	Report json.RawMessage
	Error  *struct{ Code, Message string }
}

// concludeBuilding is the end of a rebuild that was followed.
func (a *app) concludeBuilding(o operation, _ json.RawMessage) error {
	said := rebuildAnswer{Report: o.Result}
	if !o.found() || o.State == "cancelled" || o.State == "failed" && o.Code == "internal" {
		return o.failed()
	}
	if o.Code != "" {
		said.Error = &struct{ Code, Message string }{o.Code, o.Message}
	}
	return a.concludeRebuild(said)
}

// concludeRebuild prints what was found, and says by the exit code whether the new model is the live one.
func (a *app) concludeRebuild(said rebuildAnswer) error {
	if err := a.printObject(said.Report, a.writeRebuild); err != nil {
		return err
	}
	if said.Error == nil {
		return nil
	}
	f := &failure{Exit: exitFailed, Code: said.Error.Code, Message: said.Error.Message}
	switch f.Code {
	case "different":
		f.Exit = exitUnverified
		var r struct{ SameCode bool }
		if json.Unmarshal(said.Report, &r) == nil && r.SameCode {
			f.Hint = "the same version of the program made both, so one of the two was altered: `annals projection discard` drops the new one"
		} else {
			f.Hint = "`annals projection swap --accept-differences` takes the new one, `annals projection discard` drops it"
		}
	case "rebuilding":
		f.Exit = exitConflict
		f.Hint = "`annals doctor` says how far it is, where the server does it by itself"
	}
	return f
}
