package domain

import (
	"errors"
	"reflect"
	"testing"

	"github.com/google/uuid"
)

func TestPromotionCommands(t *testing.T) {
	t.Parallel()
	var (
		model  = Name{Name: "model"}
		one    = uuid.MustParse("0190a8f0-0000-7000-8000-000000000001")
		two    = uuid.MustParse("0190a8f0-0000-7000-8000-000000000002")
		source = VersionRef{Artifact: model, Name: "3"}
		sent   = ArtifactVersionSent{Version: source, Promotion: one}
		gone   = ArtifactVersionPromotionRefused{source, one, Gone}
		done   = ArtifactVersionPromoted{source, one}
		came   = ArtifactVersionReceived{IO: IO{Artifact: model, Version: "3"}, Promotion: one}
		other  = ArtifactVersionReceived{IO: IO{Artifact: model, Version: "3"}, Promotion: two}
	)
	for name, tt := range map[string]struct {
		given []Event
		when  Command
		then  []Event
		code  Code
	}{
		"sent":                       {[]Event{created}, SendVersion{sent, true}, []Event{sent}, ""},
		"sent, unknown":              {[]Event{created}, SendVersion{sent, false}, nil, NotFound},
		"sent, deleted":              {[]Event{created, ArtifactVersionDeleted{source}}, SendVersion{sent, true}, nil, Gone},
		"sent out of an archive":     {[]Event{created, WorkspaceArchived{}}, SendVersion{sent, true}, nil, Archived},
		"expected":                   {[]Event{created}, ExpectVersion{came.IO}, nil, ""},
		"expected nowhere":           {nil, ExpectVersion{came.IO}, nil, NotFound},
		"expected in an archive":     {[]Event{created, WorkspaceArchived{}}, ExpectVersion{came.IO}, nil, Archived},
		"expected under no name":     {[]Event{created}, ExpectVersion{}, nil, Required},
		"received":                   {[]Event{created}, ReceiveVersion{came}, []Event{came}, ""},
		"received again":             {[]Event{created, came}, ReceiveVersion{came}, nil, ""},
		"another of the same name":   {[]Event{created, came}, ReceiveVersion{other}, []Event{other}, ""},
		"received by an archive":     {[]Event{created, WorkspaceArchived{}}, ReceiveVersion{came}, nil, Archived},
		"received by what is gone":   {[]Event{created, WorkspaceDeleted{}}, ReceiveVersion{came}, nil, Gone},
		"done":                       {[]Event{created, sent}, EndPromotion{done}, []Event{done}, ""},
		"done again":                 {[]Event{created, sent, done}, EndPromotion{done}, nil, ""},
		"done in an archive":         {[]Event{created, sent, WorkspaceArchived{}}, EndPromotion{done}, []Event{done}, ""},
		"done in what is gone":       {[]Event{created, sent, WorkspaceDeleted{}}, EndPromotion{done}, nil, Gone},
		"never sent":                 {[]Event{created}, EndPromotion{done}, nil, ""},
		"refused":                    {[]Event{created, sent}, EndPromotion{gone}, []Event{gone}, ""},
		"refused again":              {[]Event{created, sent, gone}, EndPromotion{gone}, nil, ""},
		"refused after it was done":  {[]Event{created, sent, done}, EndPromotion{gone}, nil, ""},
		"done in spite of a refusal": {[]Event{created, sent, gone}, EndPromotion{done}, []Event{done}, ""},
		"a wall":                     {[]Event{created}, SetWorkspaceWall{true}, []Event{WorkspaceWallSet{true}}, ""},
		"a wall as it is":            {[]Event{created, WorkspaceWallSet{true}}, SetWorkspaceWall{true}, nil, ""},
		"a wall of nothing":          {nil, SetWorkspaceWall{true}, nil, NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events, err := tt.when.Decide(given(t, tt.given...))
			if tt.code != "" && !errors.Is(err, tt.code) || tt.code == "" && err != nil {
				t.Fatalf("got %v, want %q", err, tt.code)
			}
			if !reflect.DeepEqual(events, tt.then) {
				t.Errorf("got %v, want %v", events, tt.then)
			}
		})
	}
}

// A version that was received is meant like one that was written here; one that was only observed must be named.
func TestReceivedVersionIsMeantByNameAndAsTheLatest(t *testing.T) {
	t.Parallel()
	model := Name{Name: "model"}
	came := VersionRef{Artifact: model, Promotion: uuid.MustParse("0190a8f0-0000-7000-8000-000000000001")}
	seen := VersionRef{Artifact: model, Name: "4"}
	writes := []Write{
		{By: came, Outcome: Complete, Completed: noon, Name: "3"},
		{By: seen, Outcome: Complete, Name: "4"},
	}
	reader := run1Entity()
	for name, tt := range map[string]struct {
		read Read
		want VersionRef
	}{
		"by name":             {Read{reader, noon.Add(-1), "3"}, came},
		"as the latest":       {Read{reader, noon, ""}, came},
		"before it came":      {Read{reader, noon.Add(-1), ""}, VersionRef{Artifact: model}},
		"observed, by name":   {Read{reader, noon, "4"}, seen},
		"no such name":        {Read{reader, noon, "5"}, VersionRef{Artifact: model, Name: "5"}},
		"by nobody's reading": {Read{Entity{}, noon, ""}, came},
	} {
		if got := Meant(model, writes, tt.read); got != tt.want {
			t.Errorf("%s: got %v, want %v", name, got, tt.want)
		}
	}
	if v := FoldVersions(model, writes, []Read{{reader, noon, ""}}); len(v.External) != 0 {
		t.Errorf("what was received is taken for external: %v", v.External)
	}
}

func run1Entity() Entity { return RunEntity(run1) }
