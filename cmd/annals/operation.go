package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
)

func (a *app) operationCommand() *cobra.Command {
	return group("operation", "Work that goes on in the server: list, show, cancel, resume", []string{"operations", "op"},
		a.operationList(), a.operationShow(),
		a.operationChange("cancel", "Have an operation end; it can be resumed"), a.operationChange("resume", "Go on with an operation that failed or was cancelled"))
}

func (a *app) operationList() *cobra.Command {
	query := url.Values{}
	var kind, target, state string
	cmd := &cobra.Command{
		Use: "list", Short: "List operations, the newest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			for name, v := range map[string]string{"kind": kind, "target": target, "state": state} {
				if v != "" {
					query.Set(name, v)
				}
			}
			var l list
			if err := c.rest(cmd.Context(), http.MethodGet, "/v1/operations?"+query.Encode(), nil, &l); err != nil {
				return err
			}
			return a.printList(l, []column{
				{"ID", field("id")}, {"KIND", field("kind")}, {"TARGET", field("target")}, {"STATE", stateOf}, {"PROGRESS", howFar}, {"ETA", etaOf}, {"CREATED", moment("createdAt")}, {"MESSAGE", field("message")},
			})
		},
	}
	cmd.Flags().StringVar(&kind, "kind", "", "only these, such as projection.rebuild")
	cmd.Flags().StringVar(&target, "target", "", "only those about this, such as a workspace")
	cmd.Flags().StringVar(&state, "state", "", "only those that are `waiting`, running, done, failed or cancelled")
	return cmd
}

func stateOf(r row) string {
	if r.text("cancelling") != "" {
		return "cancelling"
	}
	return r.text("state")
}

// howFar is what is done of a stage, for people.
func howFar(r row) string {
	done, _ := number(r, "done")
	total, _ := number(r, "total")
	switch {
	case r.text("stage") == "":
		return ""
	case total == 0:
		return fmt.Sprintf("%s %s", grouped(int(done)), r.text("stage"))
	}
	return fmt.Sprintf("%.0f%% of %s %s", 100*float64(done)/float64(total), grouped(int(total)), r.text("stage"))
}

func etaOf(r row) string {
	seconds, ok := number(r, "etaSeconds")
	if !ok || r.text("state") != "running" {
		return ""
	}
	return time.Duration(seconds * float64(time.Second)).Round(time.Second).String()
}

func number(r row, name string) (float64, bool) {
	n, ok := r.at(name).(json.Number)
	if !ok {
		return 0, false
	}
	v, err := n.Float64()
	return v, err == nil
}

func (a *app) operationShow() *cobra.Command {
	var follow bool
	cmd := &cobra.Command{
		Use: "show ID", Short: "Show how an operation stands, and what came out of it", Args: cobra.ExactArgs(1),
		Long: `Show how an operation stands, and what came out of it. With --follow, stay until it is over: Ctrl-C
ends the looking on, not the operation.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			o, raw, err := c.operation(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if follow {
				return a.follow(cmd.Context(), c, o, nil)
			}
			return a.printObject(raw, writeOperation)
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "stay until it is over")
	return cmd
}

func (a *app) operationChange(verb, short string) *cobra.Command {
	return &cobra.Command{
		Use: verb + " ID", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			var raw json.RawMessage
			if err := c.rest(cmd.Context(), http.MethodPost, "/v1/operations/"+url.PathEscape(args[0])+"/"+verb, nil, &raw); err != nil {
				return err
			}
			return a.printObject(raw, writeOperation)
		},
	}
}

func writeOperation(w io.Writer, r row) error {
	return facts(w, "operation", r.text("id"), "kind", r.text("kind"), "target", r.text("target"), "state", stateOf(r), "progress", howFar(r), "ETA", etaOf(r),
		"created", shortTime(r.text("createdAt")), "begun", shortTime(r.text("begunAt")), "ended", shortTime(r.text("endedAt")), "tries", r.text("tries"),
		"code", r.text("code"), "message", r.text("message"), "result", clip(r.text("result"), 2_000))
}

// operation is what the server says of one, as far as following it takes.
type operation struct {
	ID, Kind, Target, State, Stage string
	Done, Total                    int64
	Code, Message                  string
	Result                         json.RawMessage
}

func (o operation) over() bool {
	return o.State == "done" || o.State == "failed" || o.State == "cancelled"
}

func (c *client) operation(ctx context.Context, id string) (o operation, raw json.RawMessage, err error) {
	if err := c.rest(ctx, http.MethodGet, "/v1/operations/"+url.PathEscape(id), nil, &raw); err != nil {
		return o, nil, err
	}
	if err := json.Unmarshal(raw, &o); err != nil {
		return o, nil, fmt.Errorf("read the server's answer: %w", err)
	}
	return o, raw, nil
}

// startOperation orders one. The order has an id, so that sending it twice orders it once.
func (c *client) startOperation(ctx context.Context, kind, target string, params any) (operation, json.RawMessage, error) {
	id, err := uuid.NewRandom()
	if err != nil {
		return operation{}, nil, fmt.Errorf("name an operation: %w", err)
	}
	var raw json.RawMessage
	body := operationOrder{ID: id.String(), Kind: kind, Target: target, Params: rawJSON(params)}
	if err := c.rest(ctx, http.MethodPost, "/v1/operations", body, &raw); err != nil {
		var f *failure
		if errors.As(err, &f) && f.Code == "under_way" {
			f.Hint = "`annals operation show --follow` with its id looks on, `annals operation cancel` ends it"
		}
		return operation{}, nil, err
	}
	var o operation
	if err := json.Unmarshal(raw, &o); err != nil {
		return o, nil, fmt.Errorf("read the server's answer: %w", err)
	}
	return o, raw, nil
}

// operate orders an operation and follows it, or with detach says only which one it is.
func (a *app) operate(ctx context.Context, kind, target string, params any, detach bool, conclude func(o operation, raw json.RawMessage) error) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	o, raw, err := c.startOperation(ctx, kind, target, params)
	if err != nil {
		return err
	}
	if detach {
		return a.printObject(raw, writeOperation)
	}
	return a.follow(ctx, c, o, conclude)
}

// stageWords are what is counted in stages whose names do not say it.
var stageWords = map[string]string{"verifying": "events folded and compared", "indexing": "keys and indexes", "comparing": "workspaces compared"}

// How often a follower asks, and how long it bears a server that is away: long enough for one that is started again.
const (
	askEvery     = 300 * time.Millisecond
	bearsSilence = 2 * time.Minute
)

// follow shows how far an operation is until it is over, prints what came out of it, and says by the exit code how it
// ended. Whoever leaves by Ctrl-C leaves it running. A nil conclude prints the operation itself.
func (a *app) follow(ctx context.Context, c *client, o operation, conclude func(o operation, raw json.RawMessage) error) error {
	bar := a.startProgress(cmp.Or(o.Stage, "waiting"), 0)
	last, raw, err := a.watchOperation(ctx, c, o, bar)
	bar.stop()
	if ctx.Err() != nil {
		return (&failure{Exit: exitInterrupted, Code: "interrupted", Message: "operation " + o.ID + " goes on in the server"}).
			with("`annals operation show %s --follow` looks on, `annals operation cancel %s` ends it", o.ID, o.ID)
	}
	if err != nil {
		return err
	}
	if conclude != nil {
		return conclude(last, raw)
	}
	if err := a.printObject(raw, writeOperation); err != nil {
		return err
	}
	return last.failed()
}

func (a *app) watchOperation(ctx context.Context, c *client, o operation, bar *progress) (operation, json.RawMessage, error) {
	stage, before := o.Stage, int64(0)
	silent := time.Time{}
	for {
		now, raw, err := c.operation(ctx, o.ID)
		var f *failure
		switch {
		case err == nil:
			silent = time.Time{}
		case ctx.Err() != nil:
			return o, nil, err
		case errors.As(err, &f) && (f.Code == "unreachable" || f.Code == "timeout" || f.Exit == exitFailed) && (silent.IsZero() || time.Since(silent) < bearsSilence):
			if silent.IsZero() {
				silent = time.Now()
				c.notice("annals: the server does not answer; the operation is taken up again when one runs")
			}
		default:
			return o, nil, err
		}
		if err == nil {
			if now.over() {
				return now, raw, nil
			}
			if now.Stage != stage {
				stage, before = now.Stage, 0
				bar.turn(cmp.Or(stageWords[stage], stage))
			}
			if now.Total > 0 {
				bar.reach(now.Done, now.Total)
			}
			bar.add(int(now.Done - before))
			before = now.Done
		}
		if err := sleep(ctx, askEvery); err != nil {
			return o, nil, err
		}
	}
}

// found says that something came out of it.
func (o operation) found() bool { return len(o.Result) > 0 && string(o.Result) != "null" }

// failed says how it ended, where that is not well: differences and the like have an exit code of their own.
func (o operation) failed() error {
	switch {
	case o.State == "done" && o.Code == "":
		return nil
	case o.State == "done":
		return &failure{Exit: exitUnverified, Code: o.Code, Message: o.Message}
	case o.State == "cancelled":
		return (&failure{Exit: exitConflict, Code: "cancelled", Message: "operation " + o.ID + " was cancelled"}).with("`annals operation resume %s` goes on with it", o.ID)
	}
	exit := exitFailed
	if o.Code == "rebuilding" || o.Code == "conflict" {
		exit = exitConflict
	}
	return (&failure{Exit: exit, Code: o.Code, Message: o.Message}).with("`annals operation resume %s` tries again, once the cause is mended", o.ID)
}
