package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/annals-io/annals/domain"
)

const eventFields = `revision type recordedAt occurredAt subjectKind subjectId actor { kind id name } summary reason commandId correlationId causationId schemaVersion data`

var eventColumns = []column{
	{"REVISION", field("revision")}, {"RECORDED", moment("recordedAt")}, {"TYPE", field("type")}, {"ACTOR", actorOf}, {"SUMMARY", field("summary")},
}

func actorOf(r row) string {
	if name := r.text("actor", "name"); name != "" {
		return name
	}
	return strings.TrimSpace(r.text("actor", "kind") + " " + r.text("actor", "id"))
}

// logFlags choose events.
type logFlags struct {
	from, to    string
	types       []string
	actor       string
	correlation string
	oldest      bool
	follow      bool
}

func (a *app) logCommand() *cobra.Command {
	var f listFlags
	var l logFlags
	var asOf asOfFlag
	cmd := &cobra.Command{
		Use: "log [WORKSPACE]", Short: "Show the history of a workspace, event by event", Args: cobra.MaximumNArgs(1),
		Long: `Show the history of a workspace, the newest event first.

--from and --to take a revision or a time. --follow shows what is recorded from now on (with --from,
everything since), oldest first, until it is interrupted; a lost connection is taken up again where
it broke.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				a.global.workspace = args[0]
			}
			filter, err := l.filter()
			if err != nil {
				return err
			}
			if l.follow {
				return a.followLog(cmd.Context(), l, filter)
			}
			direction := "DESC"
			if l.oldest || l.from != "" {
				direction = "ASC"
			}
			return a.listIn(cmd.Context(), "auditLog", ", filter: $filter, direction: $direction", ", $filter: AuditFilter, $direction: SortDirection!", eventFields,
				map[string]any{"filter": filter, "direction": direction}, f, asOf, eventColumns)
		},
	}
	f.add(cmd, 50)
	asOf.add(cmd)
	fs := cmd.Flags()
	fs.StringVar(&l.from, "from", "", "from this `moment` on, the oldest first: a revision or a time")
	fs.StringVar(&l.to, "to", "", "up to this `moment`: a revision or a time")
	fs.StringSliceVar(&l.types, "type", nil, "only events of these `types`: run.reported, or run.* for all about runs")
	fs.StringVar(&l.actor, "actor", "", "only what this `id` did")
	fs.StringVar(&l.correlation, "correlation", "", "only what belongs to this `id`")
	fs.BoolVar(&l.oldest, "oldest-first", false, "the oldest first")
	fs.BoolVarP(&l.follow, "follow", "f", false, "go on showing what is recorded")
	return cmd
}

func (l logFlags) filter() (map[string]any, error) {
	for _, want := range l.types {
		family, many := strings.CutSuffix(want, "*")
		if !slices.ContainsFunc(domain.EventTypes(), func(known string) bool { return known == want || many && strings.HasPrefix(known, family) }) {
			return nil, usage("--type: no event is of the type %q", want).with("there are %s", strings.Join(domain.EventTypes(), ", "))
		}
	}
	filter := filterOf(map[string]any{"types": l.types, "actor": l.actor, "correlationId": l.correlation})
	for _, bound := range []struct{ flag, word, revision, time string }{
		{"--from", l.from, "fromRevision", "from"}, {"--to", l.to, "toRevision", "to"},
	} {
		if bound.word == "" {
			continue
		}
		if n, err := strconv.ParseInt(bound.word, 10, 64); err == nil {
			filter[bound.revision] = n
			continue
		}
		t, err := parseTime(bound.word)
		if err != nil {
			return nil, usage("%s %q is neither a revision nor a time", bound.flag, bound.word).with("write 4711, 2026-03-01 or 2026-03-01T12:00:00Z")
		}
		filter[bound.time] = t.UTC()
	}
	return filter, nil
}

const followQuery = `subscription($workspace: String!, $after: Int64, $filter: AuditFilter) {
	events(workspace: $workspace, after: $after, filter: $filter) { revision events { ` + eventFields + ` } } }`

// followLog shows events as they come, and takes up a lost connection after the last revision that was seen.
func (a *app) followLog(ctx context.Context, l logFlags, filter map[string]any) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	slug, err := a.inWorkspace(ctx, c)
	if err != nil {
		return err
	}
	// A stream is open for as long as it lasts; --timeout bounds the wait for its head alone.
	c.http.Transport.(*http.Transport).ResponseHeaderTimeout, c.http.Timeout = a.global.timeout, 0
	var after *int64
	switch n, err := strconv.ParseInt(l.from, 10, 64); {
	case err == nil:
		n--
		after = &n
	case l.from != "": // a time: the filter holds back what is older
		begin := int64(-1)
		after = &begin
	default: // from now on: settled here, so that a connection lost before the first event misses nothing
		head, err := c.appliedRevision(ctx, slug)
		if err != nil {
			return err
		}
		after = &head
	}
	for {
		err := a.followOnce(ctx, c, slug, &after, filter)
		var f *failure
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.As(err, &f) && f.Code != "unreachable" {
			return err
		}
		fmt.Fprintf(a.stderr, "annals: the connection was lost (%v): trying again\n", err)
		if err := sleep(ctx, time.Second); err != nil {
			return err
		}
	}
}

func (c *client) appliedRevision(ctx context.Context, slug string) (int64, error) {
	var data struct {
		Workspace *struct{ Progress struct{ Applied int64 } }
	}
	if err := c.query(ctx, `query($slug: String!) { workspace(slug: $slug) { progress { applied } } }`, map[string]any{"slug": slug}, &data); err != nil {
		return 0, err
	}
	if data.Workspace == nil {
		return 0, noWorkspace(slug)
	}
	return data.Workspace.Progress.Applied, nil
}

func (a *app) followOnce(ctx context.Context, c *client, slug string, after **int64, filter map[string]any) error {
	header := http.Header{"Content-Type": {"application/json"}, "Accept": {"text/event-stream"}}
	body := rawJSON(map[string]any{"query": followQuery, "variables": map[string]any{"workspace": slug, "after": *after, "filter": filter}})
	resp, err := c.send(ctx, http.MethodPost, "/graphql", header, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20)) // whatever can be read of it
		return refusal(resp.StatusCode, text)
	}
	return readStream(resp.Body, func(data []byte) error {
		var answer struct {
			Data struct {
				Events struct {
					Revision int64
					Events   []json.RawMessage
				}
			}
			Errors []graphqlError
		}
		if err := json.Unmarshal(data, &answer); err != nil {
			return fmt.Errorf("read the server's answer: %w", err)
		}
		if len(answer.Errors) > 0 {
			return answer.Errors[0].failure()
		}
		if err := a.printEvents(answer.Data.Events.Events); err != nil {
			return err
		}
		revision := answer.Data.Events.Revision
		*after = &revision
		return nil
	})
}

// printEvents writes events as they come: JSON one a line, for people one a line as well.
func (a *app) printEvents(events []json.RawMessage) error {
	switch a.global.output {
	case "json", "ndjson":
		return a.printLines(events, nil)
	case "yaml":
		for _, e := range events {
			if _, err := io.WriteString(a.stdout, "---\n"); err != nil {
				return err
			}
			if err := a.printValue(e); err != nil {
				return err
			}
		}
		return nil
	}
	for _, e := range events {
		r, err := decodeRow(e)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(a.stdout, "%6s  %s  %-28s %s\n", r.text("revision"), shortTime(r.text("recordedAt")), r.text("type"), clean(r.text("summary")))
		if err != nil {
			return err
		}
	}
	return nil
}

// readStream reads Server-Sent Events and hands on the data of those named next. It ends with the stream: whether
// that was meant or not, there is more to come later.
func readStream(body io.Reader, next func(data []byte) error) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 64<<10), maxAnswer)
	name, data := "", []byte(nil)
	for lines.Scan() {
		line := lines.Bytes()
		switch {
		case len(line) == 0:
			if (name == "next" || name == "") && len(data) > 0 {
				if err := next(data); err != nil {
					return err
				}
			}
			if name == "complete" {
				return errors.New("the server ended it")
			}
			name, data = "", nil
		case bytes.HasPrefix(line, []byte("event:")):
			name = string(bytes.TrimSpace(line[len("event:"):]))
		case bytes.HasPrefix(line, []byte("data:")):
			if data != nil {
				data = append(data, '\n')
			}
			data = append(data, bytes.TrimPrefix(line[len("data:"):], []byte(" "))...)
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return io.ErrUnexpectedEOF
}
