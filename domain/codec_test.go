package domain

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

var write = flag.Bool("write-golden", false, "write golden files of shapes that have none; those that are there are never rewritten")

const goldens = "../schema/events"

// samples has one event of every type, with every field set.
func samples() []Event {
	var (
		size   = int64(5)
		digest = Digest{1, 2, 3}
		text   = &Text{Evidence: digest, Pointer: "/run/facets/errorMessage/message"}
		job    = Name{Namespace: "airflow", Name: "etl.load"}
		run    = RunRef{ID: "0190a8f0-0000-7000-8000-000000000001", Job: job}
		parent = RunRef{ID: "0190a8f0-0000-7000-8000-000000000000", Job: Name{Namespace: "airflow", Name: "etl"}}
		step   = Execution{Run: RunRef{ID: "run-1"}, Step: "train"}
		attrs  = []Attribute{{"lr", Value("0.10")}, {"rows", Value("7120384759012345678")}, {"name", StringValue("a <b>")}, {"on", BoolValue(true)}}
		tags   = []Tag{{Key: "team", Value: "core", Source: "USER"}}
		code   = &CodeRef{URL: "https://example.org/r.git", Repo: "r", Branch: "main", Tag: "v1", Version: "abc", Path: "a/b.py", Type: "git"}
		fail   = &Failure{Type: "ValueError", Message: text, Stack: text}
		info   = &JobInfo{Type: "TASK", Integration: "AIRFLOW", Processing: "BATCH", Description: text, SQL: text, Ownership: text, Source: text, Tags: tags}
		orders = Name{Namespace: "postgres://db:5432", Name: "public.orders"}
		io     = IO{Artifact: orders, Version: "7", Role: "dataset", Position: 1, Type: "TABLE", URI: "s3://b/k", SizeBytes: &size, Digest: "sha256:00", Schema: []Field{{"id", "int8"}},
			Aliases: []Alias{{Name{"hive", "orders"}, "TABLE"}}, Lifecycle: "RENAME", Renamed: &Name{"postgres://db:5432", "public.old"}, Metadata: attrs, Tags: tags, Docs: text, Deleted: []string{"schema"},
			From: []Name{orders}, Columns: []ColumnEdge{{"total", orders, "price", "DIRECT", "AGGREGATION", true}}, ColumnsIn: &digest}
		owner = uuid.MustParse("0190a8f0-0000-7000-8000-00000000000a")
		end   = time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)
		spec  = Spec{Steps: []StepSpec{{"load", "python", "load.py", attrs}, {"train", "", "", nil}}, Edges: []Edge{{"load", "train"}}}
	)
	events := []Event{
		OrganizationCreated{"personal", "Personal", true, owner},
		AccountRegistered{owner, &Personal{owner.String(), []byte{1, 2, 3}}},
		AccountRenamed{owner, &Personal{owner.String(), []byte{4, 5, 6}}}, AccountDisabled{owner}, AccountEnabled{owner}, AccountSignedIn{owner},
		IdentityLinked{owner, "https://id.example", digest}, IdentityUnlinked{owner, "https://id.example", digest},
		WorkspaceCreated{Slug: "default", Name: "Personal", Organization: "personal", Owner: owner, Description: text, Labels: map[string]string{"a": "b"}},
		WorkspaceCreated{"acme-staging", "Staging", "acme", owner, text, map[string]string{"a": "b"}, EnvironmentWorkspace, Staging, Confidential, "core"},
		WorkspaceEnvironmentSet{Production}, WorkspaceSensitivitySet{Internal}, WorkspaceTeamSet{"core"}, OrganizationRenamed{"acme", "Acme"}, OrganizationDescribed{"acme", text},
		WorkspaceRenamed{"New"}, WorkspaceDescribed{text}, WorkspaceLabelled{map[string]string{"a": "b"}, []string{"c"}}, WorkspaceArchived{}, WorkspaceRestored{}, WorkspaceDeleted{},
		RoleGranted{Person(owner), Owner}, RoleRevoked{Grantee{TeamGrantee, "core"}, RoleRef{WorkspaceLevel, "releaser"}}, MemberRemoved{Person(owner)}, MemberSuspended{Person(owner)}, MemberReinstated{Person(owner)}, MemberDisabled{Person(owner)}, MemberEnabled{Person(owner)},
		RoleDefined{"releaser", text, []Permission{ReadWorkspace, PromoteArtifacts}}, RoleDeleted{"releaser"},
		MemberInvited{owner, []RoleRef{Member}, time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC), digest, &Personal{owner.String(), []byte{4, 5, 6}}}, InvitationAccepted{owner, owner}, InvitationRevoked{owner},
		TeamCreated{"core", "Core", text}, TeamMemberAdded{"core", Person(owner)}, TeamMemberRemoved{"core", Person(owner)}, TeamDeleted{"core"},
		ServiceAccountCreated{owner, "nightly", text}, ServiceAccountDeleted{owner},
		APIKeyCreated{"Xk3mQ9vB2pLr", "run", Person(owner), []string{"write"}, "default", &run, &end}, APIKeyRotated{"Xk3mQ9vB2pLr", "Yk3mQ9vB2pLr", end}, APIKeyRevoked{"Xk3mQ9vB2pLr"},
		PipelineRegistered{job, text, tags}, PipelineVersionRegistered{job, "00ff", "v1", spec, text, code}, PipelineDescribed{job, text}, PipelineTagged{job, tags, []string{"old"}},
		PipelineDeclared{job, []IO{io}, []IO{io}, info, code, []string{"sql"}}, PipelineDeleted{job},
		RunNested{run, parent, &parent}, RunDeleted{run}, StepDeleted{step}, MetricsLogged{step, []Metric{{"rmse", 0.25, 3}}},
		ArtifactsConsumed{Execution{Run: run}, Started, 1, []IO{io}}, ArtifactsProduced{step, Succeeded, 2, []IO{io}}, ArtifactObserved{io}, ArtifactDescribed{orders, text}, ArtifactTagged{orders, tags, []string{"old"}},
		ArtifactAliased{orders, Alias{Name{"hive", "orders"}, "TABLE"}}, ArtifactDeleted{orders},
		ArtifactVersionAnnotated{VersionRef{Artifact: orders, Producer: &step, Attempt: 1}, attrs, tags}, ArtifactVersionDeleted{VersionRef{Artifact: orders, Name: "7"}},
		ArtifactVersionSent{VersionRef{Artifact: orders, Producer: &step, Attempt: 1}, owner, text}, ArtifactVersionReceived{io, owner, text}, ArtifactVersionPromoted{VersionRef{Artifact: orders, Promotion: owner}, owner},
		ArtifactVersionPromotionRefused{VersionRef{Artifact: orders, Name: "7"}, owner, Gone}, WorkspaceWallSet{true},
		HistoryImported{"lab", "acme", owner, 41, []HistoryOrigin{{"annals.example", "workspace-lab", 41}}, digest, digest},
		SubjectErased{owner, KindRun, owner, []Digest{digest}, []string{owner.String()}, 1},
	}
	for _, p := range phases {
		r := RunReported{p, run, &job, "v1", "nightly", 2, attrs, attrs, tags, fail, code, &OrchestratorRef{"airflow", "manual__1", "https://example.org/run/1"}, info, true}
		if p != Retrying {
			events = append(events, r)
		}
		events = append(events, StepReported{p, step, 2, "Train", []string{"load"}, attrs, attrs, tags, fail, code, "key", &step})
	}
	return events
}

// Every shape ever written is pinned: it encodes to these bytes, and these bytes decode to it.
func TestGoldenEvents(t *testing.T) {
	t.Parallel()
	pinned := map[string]bool{}
	for _, e := range samples() {
		typ := e.EventType()
		file := filepath.Join(goldens, typ+".json")
		if pinned[typ] {
			file = filepath.Join(goldens, typ+".2.json") // a field was added: what was written without it is pinned as well
		}
		pinned[typ] = true
		data, err := Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(file); *write && errors.Is(err, os.ErrNotExist) {
			if err := os.WriteFile(file, append(data, '\n'), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		golden, err := os.ReadFile(file)
		if err != nil {
			t.Errorf("%v: a shape that is written must be pinned: run with -write-golden", err)
			continue
		}
		golden = bytes.TrimSuffix(golden, []byte("\n"))
		if !bytes.Equal(golden, data) {
			t.Errorf("%s encodes to\n%s\nand is pinned as\n%s", typ, data, golden)
		}
		back, err := Decode(typ, CurrentVersion(typ), golden)
		if err != nil {
			t.Errorf("%s: %v", typ, err)
			continue
		}
		if again, err := Encode(back); err != nil || !bytes.Equal(again, golden) || back.EventType() != typ || back.Subject() != e.Subject() {
			t.Errorf("%s does not survive decoding: %s, %v", typ, again, err)
		}
	}
	for _, typ := range EventTypes() {
		if !pinned[typ] {
			t.Errorf("%s has no sample", typ)
		}
	}
}

func TestDecodeRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		typ     string
		version int
	}{{"run.exploded", 1}, {"run.started", 2}, {"run.started", 0}, {"", 1}, {"run.retrying", 1}} {
		if _, err := Decode(tt.typ, tt.version, []byte("{}")); !errors.Is(err, ErrUnknownEvent) {
			t.Errorf("%s version %d: %v, want ErrUnknownEvent", tt.typ, tt.version, err)
		}
	}
}

// Old bytes, odd bytes, a newer build's bytes: Decode may refuse, not panic; what it accepts stays as it is.
func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob(filepath.Join(goldens, "*.json"))
	if err != nil || len(files) == 0 {
		f.Fatalf("no golden events: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(strings.TrimSuffix(strings.TrimSuffix(filepath.Base(file), ".json"), ".2"), data)
	}
	f.Fuzz(func(t *testing.T, typ string, data []byte) {
		e, err := Decode(typ, 1, data)
		if err != nil {
			return
		}
		once, err := Encode(e)
		if err != nil {
			return // a value that JSON cannot write, such as a broken literal, is refused there
		}
		back, err := Decode(typ, 1, once)
		if err != nil {
			t.Fatalf("%s: what was encoded does not decode: %v\n%s", typ, err, once)
		}
		if twice, err := Encode(back); err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("not a fixed point: %q then %q, %v", once, twice, err)
		}
		_ = Check(e)
	})
}

// Slugs, like every id from outside, never panic and never pass with what an address cannot hold.
func FuzzParseSlug(f *testing.F) {
	for _, s := range []string{"default", "a", "a-b", "-a", "api", "A", strings.Repeat("a", 64), "é", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		slug, err := ParseSlug(s)
		if err == nil && (len(slug) > MaxSlug || strings.ContainsAny(string(slug), "/?#% \x00")) {
			t.Fatalf("%q passed", s)
		}
	})
}

func TestStreams(t *testing.T) {
	t.Parallel()
	if slug, ok := WorkspaceStream("ml").Workspace(); !ok || slug != "ml" {
		t.Errorf("got %q, %v", slug, ok)
	}
	if _, ok := OrganizationStream("ml").Workspace(); ok {
		t.Error("an organization's stream is no workspace's")
	}
}
