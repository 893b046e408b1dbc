package fold_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/projections/fold"
)

func TestUnknownEventIsNamed(t *testing.T) {
	t.Parallel()
	s, m := newStory(), newModel(t)
	s.says(1, reported(run("a", "j"), domain.Started), reported(run("a", "j"), domain.Succeeded))
	s.events[2].Event = nil
	err := m.apply(nil, fold.Page{Number: ws, Slug: slug, Events: s.events})
	var e *fold.EventError
	if !errors.As(err, &e) || e.Revision != 2 || e.Workspace != ws || !errors.Is(err, domain.ErrUnknownEvent) {
		t.Fatalf("got %v, want event 2 to be blamed as unknown", err)
	}
	m.want("nothing is kept", `SELECT count(*) FROM read.runs`, "0")
}

func TestTooManyNewNamesAreBlamed(t *testing.T) {
	t.Parallel()
	s, m := newStory(), newModel(t)
	out := io("x")
	for i := range domain.MaxNames {
		out.From = append(out.From, data(fmt.Sprint("from-", i)))
	}
	s.says(1, produced(run("a", "j"), domain.Started, out))
	err := m.apply(nil, fold.Page{Number: ws, Slug: slug, Events: s.events})
	var e *fold.EventError
	if !errors.As(err, &e) || e.Revision != 1 {
		t.Fatalf("got %v, want event 1 to be blamed", err)
	}
}

func TestForeignTextFitsTheTables(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 2000)
	s, m := newStory(), newModel(t)
	r := run(long, long)
	s.says(1, domain.RunReported{Phase: domain.Started, Run: r, Name: "a\x00b", Version: "v\x00",
		Parameters: []domain.Attribute{{Name: long, Value: domain.StringValue("x\x00y")}, {Name: "big", Value: domain.StringValue(long)}, {Name: "huge", Value: domain.Value("1e999999")}},
		Tags:       []domain.Tag{{Key: "k\x00", Value: "v\x00"}},
		Code:       &domain.CodeRef{URL: "https://x/\x00"},
		Job:        &domain.JobInfo{Type: "t\x00", SQL: &domain.Text{Pointer: "/a\x00"}},
	}, domain.MetricsLogged{Execution: domain.Execution{Run: r}, Points: []domain.Metric{{Name: long, Value: 1}}},
		consumed(r, domain.Started, domain.IO{Artifact: domain.Name{Namespace: long, Name: long}, Version: long, Role: long}),
		produced(r, domain.Started, domain.IO{Artifact: data("x"), Version: long + "2", Schema: []domain.Field{{Name: "f\x00"}},
			Columns: []domain.ColumnEdge{{Field: long, From: data("y"), FromField: long, Kind: long, Subtype: long}}}))
	s.says(2, domain.PipelineVersionRegistered{Pipeline: job("p"), Hash: "h", Spec: domain.Spec{Steps: []domain.StepSpec{{Name: "s", Parameters: []domain.Attribute{{Name: "n", Value: domain.Value("1e999999")}, {Name: "z", Value: domain.Value(`"\u0000\ud800"`)}}}}}})
	s.because(3, "because\x00", domain.RunDeleted{Run: r})
	m.project(s, 1, nil)
	m.want("name", `SELECT name FROM read.run_details`, "a\uFFFDb")
	m.want("text is cut", `SELECT length(text) FROM read.attributes WHERE name = 'big'`, "200")
	m.want("no number", `SELECT num FROM read.attributes WHERE name = 'huge'`, "-")
	one := m.digest(ws)
	m.fresh("read_2")
	m.project(s, 100, nil)
	equalDigests(t, "one page", one, m.digest(ws))
}

func TestWorkspacesShareAPage(t *testing.T) {
	t.Parallel()
	m := newModel(t)
	var pages []fold.Page
	for n := range int32(3) {
		s := newStory()
		s.ws, s.slug = n, domain.Slug(fmt.Sprint("w", n))
		s.writes(run("w", "write"), 1, 2, io("x"))
		s.reads(run("r", "read"), 3, 4, io("x"))
		pages = append(pages, fold.Page{Number: n, Slug: s.slug, Events: s.events})
	}
	if err := m.apply(nil, pages...); err != nil {
		t.Fatal(err)
	}
	m.want("reads", `SELECT e.ws, v.producer = p.key FROM read.lineage_edges e JOIN read.artifact_versions v ON v.ws = e.ws AND v.key = e.version
		JOIN read.runs p ON p.ws = e.ws AND p.run_id = 'w' WHERE e.direction = 0`, "0 true", "1 true", "2 true")
}

func TestTruncatedWindowIsNoticed(t *testing.T) {
	t.Parallel()
	s, m, n := newStory(), newModel(t), newNaive()
	s.writes(run("a", "j"), 1, 2, io("x"))
	s.reads(run("b", "j"), 5, 6, io("x"))
	s.reads(run("c", "j"), 5, 6, io("x"))
	s.writes(run("d", "j"), 3, 4, io("x")) // it comes late
	for i := range s.events {
		n.add(&s.events[i])
		err := pgx.BeginFunc(context.Background(), m.pool, func(tx pgx.Tx) error {
			return fold.ApplyTruncated(context.Background(), tx, m.schema, []fold.Page{{Number: ws, Slug: slug, Events: s.events[i : i+1]}})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if m.equalNaive(ws, n) == "" {
		t.Error("a fold that stirs one read only equals the bare facts: the comparison sees nothing")
	}
	m.fresh("read_2")
	m.project(s, 1, nil)
	if differ := m.equalNaive(ws, n); differ != "" {
		t.Errorf("the whole fold differs:\n%s", differ)
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 5000)
	if a, b := fold.KeyText(long+"1"), fold.KeyText(long+"2"); len(a) > 400 || a == b || a != fold.KeyText(long+"1") {
		t.Errorf("long keys: %d bytes, %q and %q", len(a), a, b)
	}
	if got := fmt.Sprint(fold.WordsOf("Public.Order-Items")); got != "[public.order-items public order items]" {
		t.Errorf("words %s", got)
	}
	if got := fmt.Sprint(fold.WordsOf("0190a1f0-1111-7000-8000-000000000001")); got != "[0190a1f0-1111-7000-8000-000000000001]" {
		t.Errorf("words of a UUID %s", got)
	}
	for in, want := range map[string]string{
		`"\u0000"`: `"\ufffd"`, `"\\u0000"`: `"\\u0000"`, `"\ud800"`: `"\ufffd"`, `"\ud83d\ude00"`: `"\ud83d\ude00"`, `"\udc00x\u0000"`: `"\ufffdx\ufffd"`,
	} {
		if got := fold.Plain(in); got != want {
			t.Errorf("plain %s is %s, want %s", in, got, want)
		}
	}
	for length, want := range map[int64]int16{1: 0, 2: 1, 3: 1, 4: 2, 1023: 9, 1024: 10} {
		if got := fold.Level(5, 5+length); got != want {
			t.Errorf("level of %d is %d, want %d", length, got, want)
		}
	}
}
