package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
)

func (a *app) projectionCommand() *cobra.Command {
	return group("projection", "Read models: list, rebuild, retry", []string{"projections"}, a.projectionList(), a.projectionRebuild(), a.projectionRetry())
}

func (a *app) projectionList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "Show how far each workspace's read model is, and which are paused", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			var l list
			if err := c.rest(cmd.Context(), http.MethodGet, "/v1/projections", nil, &l); err != nil {
				return err
			}
			return a.printList(l, []column{
				{"WORKSPACE", field("workspace")}, {"STATUS", field("state")}, {"APPLIED", field("applied")}, {"HEAD", field("head")}, {"LAG", field("lag")},
				{"PARKED", func(r row) string {
					if all, _ := r.at("parked").([]any); len(all) > 0 {
						return fmt.Sprint(len(all))
					}
					return ""
				}}, {"REASON", field("reason")},
			})
		},
	}
}

func (a *app) projectionRetry() *cobra.Command {
	return &cobra.Command{
		Use: "retry WORKSPACE", Short: "Drive a paused workspace on, after the cause was mended", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			var s json.RawMessage
			if err := c.rest(cmd.Context(), http.MethodPost, "/v1/workspaces/"+url.PathEscape(args[0])+"/projection/retry", nil, &s); err != nil {
				return err
			}
			return a.printObject(s, func(w io.Writer, r row) error {
				return facts(w, "workspace", r.text("workspace"), "state", r.text("state"), "applied", r.text("applied"), "head", r.text("head"))
			})
		},
	}
}

func (a *app) projectionRebuild() *cobra.Command {
	var accept, prove bool
	cmd := &cobra.Command{
		Use: "rebuild", Short: "Build the read models anew beside the live ones, compare, and swap", Args: cobra.NoArgs,
		Long: `Build the read models anew from the log, beside the live ones, which go on answering. The two are
compared: where the same code made them they must be equal, and where new code did, what differs is
shown and --accept-differences swaps nevertheless. An interrupt ends it and changes nothing.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			return a.followRebuild(cmd.Context(), c, rebuildOrder{AcceptDifferences: accept, Prove: prove})
		},
	}
	cmd.Flags().BoolVar(&accept, "accept-differences", false, "swap although new code made other rows")
	cmd.Flags().BoolVar(&prove, "prove", false, "build twice, with pages of different sizes, and compare these too")
	return cmd
}

// rebuildAnswer is a line of the answer; see rebuildLine.
type rebuildAnswer struct {
	Done, Total int64
	Report      json.RawMessage
	Error       *struct{ Code, Message string }
}

func (a *app) followRebuild(ctx context.Context, c *client, order rebuildOrder) error {
	c.http.Timeout = 0 // it takes as long as it takes
	header := http.Header{"Content-Type": {"application/json"}, "Accept": {"application/x-ndjson"}}
	resp, err := c.send(ctx, http.MethodPost, "/v1/projections/rebuild", header, rawJSON(order))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20)) // whatever can be read of it
		return refusal(resp.StatusCode, text)
	}
	bar := a.startProgress("events", 0)
	last, err := readRebuild(resp.Body, bar)
	bar.stop()
	if err != nil {
		return c.unreachable(ctx, err)
	}
	if err := a.printObject(last.Report, a.writeRebuild); err != nil {
		return err
	}
	if last.Error == nil {
		return nil
	}
	f := &failure{Exit: exitFailed, Code: last.Error.Code, Message: last.Error.Message}
	switch f.Code {
	case "different":
		f.Exit = exitUnverified
		f.Hint = "where another version of the program made the old one, --accept-differences takes the new one; where the same did, one of the two was altered"
	case "rebuilding":
		f.Exit = exitConflict
		f.Hint = "`annals doctor` says how far it is, where the server does it by itself"
	}
	return f
}

// readRebuild reads lines until the one with the report.
func readRebuild(body io.Reader, bar *progress) (rebuildAnswer, error) {
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 64<<10), maxAnswer)
	before := int64(0)
	for lines.Scan() {
		var line rebuildAnswer
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return line, fmt.Errorf("read the server's answer: %w", err)
		}
		if line.Report != nil {
			return line, nil
		}
		bar.reach(line.Done, line.Total)
		bar.add(int(line.Done - before))
		before = line.Done
	}
	if err := lines.Err(); err != nil {
		return rebuildAnswer{}, err
	}
	return rebuildAnswer{}, errors.New("the server went away before it was done")
}

// writeRebuild tells people what was built, and how it differs: a line for each field of the first rows that do.
func (a *app) writeRebuild(w io.Writer, r row) error {
	err := facts(w, "built", r.text("to"), "beside", r.text("from"), "workspaces", r.text("workspaces"), "events", r.text("events"),
		"rate", wholeRate(r), "equal", yesNo(r.at("equal")), "swapped", yesNo(r.at("swapped")), "paused in it", r.text("paused"))
	all, _ := r.at("differences").([]any)
	if err != nil || len(all) == 0 {
		return err
	}
	t := a.table([]column{
		{"WORKSPACE", field("Workspace")}, {"TABLE", field("Table")}, {"ROWS", field("Rows")}, {"KEY", field("Key")}, {"FIELD", field("Field")}, {"OLD", field("Old")}, {"NEW", field("New")},
	})
	for _, one := range all {
		d, _ := one.(map[string]any)
		first, _ := d["First"].([]any)
		head := row{"Workspace": d["Workspace"], "Table": d["Table"], "Rows": d["Rows"]}
		if len(first) == 0 {
			t.add(head)
		}
		for i, one := range first {
			line := row{}
			if i == 0 {
				line = head
			}
			f, _ := one.(map[string]any)
			for name, v := range f {
				line[name] = v
			}
			t.add(line)
		}
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	return t.flush()
}

// wholeRate is the rate without its fraction.
func wholeRate(r row) string {
	whole, _, _ := strings.Cut(r.text("rate"), ".")
	return whole + "/s"
}

func yesNo(v any) string {
	if b, _ := v.(bool); b {
		return "yes"
	}
	return "no"
}
