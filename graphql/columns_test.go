package graphql_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/projections"
	"github.com/annals-io/annals/projections/read"
	"github.com/annals-io/annals/promotion"
)

const columnFields = `columnLineage { field fromField type hidden from { id name columnLineage { field fromField type from { name } } } }`

// schooled is a trained house whose model was made of known columns.
func schooled(t *testing.T) *house {
	h := trained(t)
	h.do("startRun", `workspace: "stage", id: "train-2", pipeline: {name: "train"}`, "")
	h.do("consumeArtifactVersions", `workspace: "stage", run: "train-2", artifacts: [{artifact: {name: "data"}}]`, "")
	h.do("produceArtifactVersions", `workspace: "stage", run: "train-2", artifacts: [{artifact: {name: "scores"}, version: "v1", fields: [{name: "score", type: "double"}, {name: "id", type: "bigint"}],
		columns: [{field: "score", from: {name: "data"}, fromField: "amount"}]}]`, "")
	h.do("completeRun", `workspace: "stage", run: "train-2"`, "")
	return h
}

// The fields of what was promoted came from the other workspace, and what they were made from is asked there.
func TestColumnLineageGoesThroughAPromotion(t *testing.T) {
	t.Parallel()
	h := schooled(t)
	h.do("promoteArtifactVersion", `workspace: "stage", artifactVersion: "scores@v1", to: "prod", artifact: {name: "ranks"}, reason: "it passed"`, "promotion { state }")
	there := h.do("promoteArtifactVersion", `workspace: "stage", artifactVersion: "model@v1", to: "prod", reason: "it passed"`, "receivedRevision").at("it.receivedRevision")
	a := h.ask(`{ workspace(slug: "prod", atLeast: ` + there + `) {
		ranks: artifact(id: "ranks") { ` + columnFields + ` }
		id: artifact(id: "ranks") { columnLineage(field: "id") { field } }
		none: artifact(id: "ranks") { columnLineage(field: "nothing") { field } }
		model: artifact(id: "model") { ` + columnFields + ` }
	} stage: workspace(slug: "stage") { artifact(id: "scores") { id } } }`)
	a.want(map[string]string{
		"workspace.ranks.columnLineage.0.field": "score", "workspace.ranks.columnLineage.0.fromField": "score", "workspace.ranks.columnLineage.0.type": "PROMOTED", "workspace.ranks.columnLineage.0.hidden": "false",
		"workspace.ranks.columnLineage.0.from.name": "scores", "workspace.ranks.columnLineage.0.from.columnLineage": `[{"field":"score","from":{"name":"data"},"fromField":"amount","type":null}]`,
		"workspace.ranks.columnLineage.1.field": "id", "workspace.id.columnLineage": `[{"field":"id"}]`, "workspace.none.columnLineage": `[]`,
		// Of what has no known fields, the whole depends.
		"workspace.model.columnLineage.0.field": "null", "workspace.model.columnLineage.0.fromField": "null", "workspace.model.columnLineage.0.from.name": "model",
	})
	if got, want := a.at("workspace.ranks.columnLineage.0.from.id"), a.at("stage.artifact.id"); got != want {
		t.Errorf("it came from %s, want %s", got, want)
	}
	h.ask(`{ workspace(slug: "prod", asOf: {revision: 0}) { artifacts { totalCount } } }`).want(map[string]string{"workspace.artifacts.totalCount": "0"})
}

// What came from where the caller may not see is one row without a name, however many there are, and never nothing.
func TestColumnLineageKeepsTheWall(t *testing.T) {
	t.Parallel()
	h := schooled(t)
	h.do("ingestRunEvents", `workspace: "secret", events: [
		{id: "1", run: "CANARY-run", at: "2026-03-01T12:00:00Z", pipeline: {name: "CANARY-pipeline"}, body: {runStarted: {name: "CANARY"}}},
		{id: "2", run: "CANARY-run", at: "2026-03-01T12:00:00Z", body: {artifactsProduced: {artifacts: [{artifact: {name: "CANARY-a"}, version: "1"}, {artifact: {name: "CANARY-b"}, version: "1"}]}}},
		{id: "3", run: "CANARY-run", at: "2026-03-01T12:00:00Z", body: {runCompleted: {}}}]`, "")
	desk := &promotion.Desk{Commands: h.commands, Log: h.store, Moments: h.engine, Read: read.New(h.pool)}
	all := func(context.Context, domain.Slug) (domain.PermissionSet, error) {
		return domain.SetOf(domain.ReadWorkspace, domain.PromoteArtifacts), nil
	}
	m, err := h.engine.Open(t.Context(), "secret", projections.AsOf{}, nil, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	var there string
	for _, word := range []string{"a", "b"} {
		found, err := desk.Read.ArtifactsNamed(t.Context(), m, []read.NameRef{{Name: "CANARY-" + word}}, 1)
		if err != nil || len(found) != 1 {
			t.Fatal(found, err)
		}
		made, err := desk.Promote(t.Context(), all, promotion.Order{
			From: "secret", Version: found[0].Latest, To: "prod", Artifact: domain.Name{Name: "shown"}, Name: word, Reason: "it passed", Actor: domain.Actor{Kind: "key", ID: "owner"},
		})
		if err != nil {
			t.Fatal(err)
		}
		there = fmt.Sprint(made.There)
	}
	a := h.ask(`{ workspace(slug: "prod", atLeast: ` + there + `) { artifact(id: "shown") { ` + columnFields + ` } } }`)
	a.want(map[string]string{"workspace.artifact.columnLineage": `[{"field":null,"from":null,"fromField":null,"hidden":true,"type":"PROMOTED"}]`})
}
