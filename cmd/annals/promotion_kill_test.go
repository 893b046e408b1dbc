package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/internal/pgtest"
)

// promoters promote versions of one workspace into another, again and again until each is there.
type promoters struct {
	v    *victim
	key  string
	mu   sync.Mutex
	told map[string]bool // the versions that were answered to be received
	odd  []string        // answers that no client could make something of
}

// send sends one request; status 0: nobody is there.
func (p *promoters) send(ctx context.Context, path, body, key string) (int, []byte) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.v.address()+path, strings.NewReader(body))
	if err != nil {
		return 0, nil
	}
	req.Header.Set("Authorization", "Bearer "+p.key)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, nil
	}
	return resp.StatusCode, answer
}

// register makes a version in the default workspace and answers its id.
func (p *promoters) register(ctx context.Context, name string) string {
	body := rawJSON(map[string]string{"query": `mutation { registerArtifactVersion(input: {workspace: "default", version: {artifact: {name: "model"}, version: "` + name + `"}}) { artifactVersion { id } } }`})
	for ctx.Err() == nil {
		_, answer := p.send(ctx, "/graphql", string(body), name)
		var got struct {
			Data struct {
				RegisterArtifactVersion struct{ ArtifactVersion *struct{ ID string } }
			}
		}
		if json.Unmarshal(answer, &got) == nil && got.Data.RegisterArtifactVersion.ArtifactVersion != nil {
			return got.Data.RegisterArtifactVersion.ArtifactVersion.ID
		}
		pause()
	}
	return ""
}

// promote sends one order until it is answered that the target has the version.
func (p *promoters) promote(ctx context.Context, version string) {
	body := fmt.Sprintf(`{"artifactVersion":%q,"to":"target","reason":"It passed."}`, version)
	for ctx.Err() == nil {
		status, answer := p.send(ctx, "/v1/workspaces/default/promotions", body, "promote-"+version)
		var got struct {
			ReceivedRevision int64
		}
		switch {
		case status == http.StatusOK && json.Unmarshal(answer, &got) == nil && got.ReceivedRevision >= 0: // the read models may be behind
			p.mu.Lock()
			p.told[version] = true
			p.mu.Unlock()
			return
		case status != 0 && status != http.StatusOK && status != http.StatusServiceUnavailable:
			p.mu.Lock()
			p.odd = append(p.odd, fmt.Sprintf("%d %s", status, answer))
			p.mu.Unlock()
		}
		pause()
	}
}

const promotionEventsSQL = `
SELECT s.name, e.type, convert_from(e.data, 'UTF8')::jsonb->>'promotion' FROM log.events e JOIN log.streams s ON s.id = e.stream
WHERE e.type IN ('artifact_version.sent', 'artifact_version.received', 'artifact_version.promoted', 'artifact_version.promotion_refused') ORDER BY e.position`

// promotionsIn are the promotions of a log, each with what is said of it: where and what, in order.
func promotionsIn(t *testing.T, url string) map[string][]string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	rows, _ := conn.Query(t.Context(), promotionEventsSQL)
	said := map[string][]string{}
	var stream, typ, id string
	if _, err := pgx.ForEachRow(rows, []any{&stream, &typ, &id}, func() error {
		said[id] = append(said[id], stream+" "+typ)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return said
}

// whole is what the log says of a promotion that went to its end: each once, on both sides.
var whole = []string{"workspace-default artifact_version.sent", "workspace-target artifact_version.received", "workspace-default artifact_version.promoted"}

// halves are the promotions of which not everything is said, or something twice.
func halves(said map[string][]string) (out []string) {
	for id, facts := range said {
		if fmt.Sprint(facts) != fmt.Sprint(whole) {
			out = append(out, id+": "+strings.Join(facts, ", "))
		}
	}
	return out
}

// A server is killed with -9 in the middle of promoting, while clients send again what was not answered: each promotion is
// on both sides in the end, once. That it was caught between the two sides is the test's own control: the same look
// finds halves right after a kill.
func TestKillingTheServerLeavesNoHalfPromotion(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	v := newVictim(t, "--database-url", url)
	v.start()
	key, err := readLine(filepath.Join(v.dir, firstKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	p := &promoters{v: v, key: key, told: map[string]bool{}}
	ctx, stop := context.WithTimeout(t.Context(), 3*time.Minute)
	defer stop()
	for status := 0; status != http.StatusCreated && ctx.Err() == nil; pause() {
		status, _ = p.send(ctx, "/v1/organizations/personal/workspaces", `{"slug":"target"}`, "target")
	}
	caught := map[string]bool{}
	least, rounds := kills(t, 1), 12
	const each = 6
	var versions []string // made before anything is killed: who projects is another one only a while after
	for range rounds * each {
		versions = append(versions, p.register(ctx, uuid.NewString()))
	}
	for round := 0; round < rounds && (round < least || len(caught) == 0); round++ {
		began := len(promotionsIn(t, url))
		var all sync.WaitGroup
		for _, version := range versions[round*each : (round+1)*each] {
			all.Go(func() { p.promote(ctx, version) })
		}
		for len(promotionsIn(t, url)) < began+2 && ctx.Err() == nil { // until some of them are begun
		}
		v.kill()
		for _, half := range halves(promotionsIn(t, url)) {
			id, _, _ := strings.Cut(half, ":")
			caught[id] = true
		}
		v.start()
		all.Wait()
	}
	if len(caught) == 0 {
		t.Errorf("in %d kills no promotion was caught between its sides: this test proves nothing", rounds)
	}
	var left []string
	for end := time.Now().Add(time.Minute); ; pause() {
		if left = halves(promotionsIn(t, url)); len(left) == 0 || time.Now().After(end) {
			break
		}
	}
	said := promotionsIn(t, url)
	if len(left) > 0 {
		t.Errorf("%d of %d promotions are not whole: %v", len(left), len(said), left[:min(len(left), 5)])
	}
	for id := range caught {
		if fmt.Sprint(said[id]) != fmt.Sprint(whole) {
			t.Errorf("promotion %s was caught between its sides and is %v", id, said[id])
		}
	}
	if len(said) != len(p.told) || len(p.odd) > 0 {
		t.Errorf("%d promotions in the log for %d versions; odd answers: %v", len(said), len(p.told), p.odd)
	}
	t.Logf("%d promotions, %d of them caught between their sides", len(said), len(caught))
}
