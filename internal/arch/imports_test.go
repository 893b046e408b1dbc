package arch_test

import (
	"slices"
	"strings"
	"testing"
)

// anything lets a room import every room of ours.
const anything = "*"

// rooms says which rooms of ours a room may import besides itself. The longest folder that holds a package
// decides. A new room is added here, with what it needs and no more.
var rooms = map[string][]string{
	"domain":     {},
	"schema":     {},
	"vault":      {"domain"},
	"vault/kek":  {},
	"eventstore": {"domain", "schema"},
	"evidence":   {"domain", "eventstore", "schema"},
	"access":     {"domain", "eventstore", "schema", "rest/openapi"},
	// The desk keeps descriptions beside the log, as the other doors do.
	"access/people": {"access", "domain", "eventstore", "evidence"},

	"projections":      {"domain", "eventstore", "evidence", "schema"},
	"projections/fold": {"domain"}, // how events change rows: a function of the stream alone
	"projections/read": {"domain", "schema"},

	"audit/bundle":     {"audit/checkpoint", "audit/tree", "domain", "eventstore"}, // the format of an export: files, and no database
	"audit/leaf":       {"domain", "eventstore"},
	"audit/tree":       {},
	"audit/checkpoint": {},
	"audit/verify":     {"audit/bundle", "audit/checkpoint", "audit/leaf", "audit/tree", "domain"}, // no database, no server
	"audit/sink":       {"audit/checkpoint"},
	"audit/seal":       {"audit/checkpoint", "audit/leaf", "audit/tree", "domain", "eventstore", "schema"},
	"audit/history":    {"audit/bundle", "audit/checkpoint", "audit/leaf", "audit/tree", "domain", "eventstore"},
	"audit/replay":     {"domain", "eventstore", "evidence"},

	"fork":             {},
	"erasure":          {"access", "domain", "eventstore", "rest/openapi"},
	"workspaces":       {"domain", "eventstore", "projections"},
	"promotion":        {"domain", "eventstore", "evidence", "projections"},
	"graphql":          {"access", "access/people", "audit/replay", "domain", "erasure", "eventstore", "evidence", "projections", "promotion", "schema", "workspaces"},
	"graphql/explorer": {},
	"ingest":           {"domain", "eventstore", "evidence", "projections", "rest/openapi"},

	"rest":         {"access", "domain", "eventstore", "evidence", "graphql"}, // plain HTTP, by way of GraphQL
	"rest/openapi": {},                                                        // whoever has routes describes them by it
	"rest/docs":    {"domain", "rest/openapi"},

	"operations": {"access", "domain", "schema"}, // work that outlives a request: what the work is, its runners know

	"cmd":               {anything},
	"internal/embedded": {},
	"internal/esdbfake": {},
	"internal/pgtest":   {"internal"},
	"internal/arch":     {},
	"internal/bench":    {anything},
}

// onlyFor narrows the import of a package of ours to some: the launcher belongs to the binary, test helpers to
// tests.
var onlyFor = map[string][]string{
	"cmd":                       {},
	"internal/pgtest":           {},
	"internal/esdbfake":         {"internal/bench"},
	"eventstore/eventstoretest": {},
	"eventstore/memory":         {"cmd", "internal/bench"},
	"internal/embedded":         {"cmd", "internal/pgtest", "internal/bench"},
	"internal/bench":            {"cmd", "internal/bench"},
	"projections/fold":          {"projections"},
	"eventstore/postgres":       {"cmd", "internal/bench", "eventstore"},
	"eventstore/esdb":           {"cmd", "internal/bench"},
	"eventstore/transfer":       {"cmd"},
	"graphql/generated":         {"graphql"},
}

// libraries says where each module that is not ours may be imported: a reader knows where to look, and an
// upgrade where to stop. In tests they are free.
var libraries = map[string][]string{
	"github.com/google/uuid":                     {anything},
	"github.com/jackc/pgx":                       {"eventstore/postgres", "eventstore/esdb", "eventstore/transfer", "projections", "access", "evidence", "audit", "erasure", "fork", "operations", "internal", "cmd"},
	"github.com/ThreeDotsLabs/watermill":         {"projections"},
	"github.com/99designs/gqlgen":                {"graphql"},
	"github.com/vektah/gqlparser":                {"graphql"},
	"github.com/coder/websocket":                 {"graphql/transport"},
	"github.com/tink-crypto/tink-go-awskms":      {"vault/kek"},
	"github.com/tink-crypto/tink-go-gcpkms":      {"vault/kek"},
	"github.com/tink-crypto/tink-go-hcvault":     {"vault/kek"},
	"github.com/aws/aws-sdk-go":                  {"vault/kek"},
	"github.com/hashicorp/vault":                 {"vault/kek"},
	"google.golang.org/api":                      {"vault/kek"},
	"github.com/tink-crypto/tink-go":             {"vault"},
	"github.com/EventStore/EventStore-Client-Go": {"eventstore/esdb", "internal/esdbfake"},
	"google.golang.org/grpc":                     {"eventstore/esdb", "internal/esdbfake"},
	"google.golang.org/protobuf":                 {"internal/esdbfake"},
	"github.com/prometheus":                      {"cmd", "internal"},
	"go.opentelemetry.io":                        {"cmd", "internal"},
	"github.com/spf13":                           {"cmd"},
	"github.com/mattn/go-isatty":                 {"cmd"},
	"gopkg.in/yaml.v3":                           {"cmd"},
	"github.com/xi2/xz":                          {"internal/embedded"},
	"github.com/klauspost/compress":              {"eventstore/postgres", "eventstore/esdb", "evidence", "audit/history"},
	"pgregory.net/rapid":                         {"eventstore/eventstoretest"},
	"github.com/coreos/go-oidc":                  {"access/oidc"},
	"golang.org/x":                               {anything},
}

// notBelow takes back what libraries gives to a folder: watermill carries pages to the projections, which do
// not know it.
var notBelow = map[string][]string{
	"github.com/ThreeDotsLabs/watermill": {"projections/fold", "projections/read"},
}

func TestImportsGoOneWay(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		home, allowed := ruleFor(p.Path)
		if home == "" {
			t.Errorf("%s is in a room without a rule", p.Path)
			continue
		}
		for _, imported := range p.Imports {
			other, ours := strings.CutPrefix(imported, module+"/")
			if !ours {
				continue
			}
			if !mayImport(home, allowed, other) {
				t.Errorf("%s imports %s: its room may import itself and %q", p.Path, other, allowed)
			}
		}
	}
}

// ruleFor finds the longest folder with a rule that holds the package, and the rule.
func ruleFor(path string) (home string, allowed []string) {
	for folder, rule := range rooms {
		if within(path, folder) && len(folder) > len(home) {
			home, allowed = folder, rule
		}
	}
	return home, allowed
}

// mayImport lets a package import its own home and what the rule of that allows.
func mayImport(home string, allowed []string, to string) bool {
	return within(to, home) || slices.ContainsFunc(allowed, func(folder string) bool {
		return folder == anything || within(to, folder)
	})
}

func TestSomePackagesAreOnlyForSome(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, imported := range p.Imports {
			other := strings.TrimPrefix(imported, module+"/")
			for guarded, users := range onlyFor {
				if !within(other, guarded) || within(p.Path, guarded) {
					continue
				}
				if !slices.ContainsFunc(users, func(user string) bool { return within(p.Path, user) }) {
					t.Errorf("%s imports %s, which is for tests and for %q", p.Path, other, users)
				}
			}
		}
	}
}

func TestLibrariesStayInTheirRooms(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, imported := range p.Imports {
			first, _, _ := strings.Cut(imported, "/")
			if !strings.Contains(first, ".") || within(imported, module) {
				continue // the standard library, or ours
			}
			library, folders := libraryOf(imported)
			if library == "" {
				t.Errorf("%s imports %s: say in this test where it may be used", p.Path, imported)
				continue
			}
			allowed := slices.ContainsFunc(folders, func(folder string) bool { return folder == anything || within(p.Path, folder) })
			refused := slices.ContainsFunc(notBelow[library], func(folder string) bool { return within(p.Path, folder) })
			if !allowed || refused {
				t.Errorf("%s imports %s, which belongs to %q", p.Path, imported, folders)
			}
		}
	}
}

func libraryOf(imported string) (library string, folders []string) {
	for name, where := range libraries {
		if within(imported, name) && len(name) > len(library) {
			library, folders = name, where
		}
	}
	return library, folders
}

// The model is tested by itself: a test of the domain that needs a database tests something else.
func TestTestsOfTheDomainImportOnlyTheDomain(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, imported := range append(slices.Clone(p.TestImports), p.XTestImports...) {
			other, ours := strings.CutPrefix(imported, module+"/")
			if ours && within(p.Path, "domain") && !within(other, "domain") && !within(other, "schema") {
				t.Errorf("a test of %s imports %s", p.Path, other)
			}
			if ours && within(other, "cmd") && !within(p.Path, "cmd") {
				t.Errorf("a test of %s imports %s", p.Path, other)
			}
		}
	}
}

// A rule that lets everything through looks like one that holds.
func TestTheRulesThemselves(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		from, to string
		want     bool
	}{
		{"domain", "eventstore", false},
		{"eventstore", "domain", true},
		{"eventstore/postgres", "eventstore", true},
		{"eventstore/postgres", "schema/postgres/log", true},
		{"eventstore", "projections", false},
		{"projections", "projections/fold", true},
		{"projections/fold", "projections", false},
		{"projections/fold", "eventstore", false},
		{"projections/fold/runs", "projections/fold", true},
		{"graphql", "projections/read", true},
		{"graphql/limit", "graphql/model", true},
		{"graphql", "ingest/native", false},
		{"ingest/openlineage", "ingest/foreign", true},
		{"ingest/openlineage", "graphql", false},
		{"schema/postgres", "domain", false},
		{"cmd/annals", "graphql", true},
		{"internal/embedded", "internal/pgtest", false},
		{"internal/pgtest", "internal/embedded", true},
	} {
		home, allowed := ruleFor(test.from)
		if got := mayImport(home, allowed, test.to); got != test.want {
			t.Errorf("%s may import %s: %v, want %v", test.from, test.to, got, test.want)
		}
	}
}
