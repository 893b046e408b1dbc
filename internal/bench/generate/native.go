package generate

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Native generates the NDJSON rows of an orchestrator whose runs are chains of five steps: 17 facts a run, the same
// work that the peers were measured with.
type Native struct {
	random *rand.Rand
	pick   *rand.Zipf
	clock  time.Time
	run    int
	rows   [][]byte
}

// NewNative has so many pipelines; the same seed makes the same rows.
func NewNative(seed uint64, pipelines int) *Native {
	g := &Native{random: rand.New(rand.NewPCG(seed, 0x0a71)), clock: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	g.pick = rand.NewZipf(g.random, 1.1, 16, uint64(pipelines-1))
	return g
}

// FactsPerRun is how many rows one run has.
const FactsPerRun = 17

// Next is the next row, without its line break.
func (g *Native) Next() []byte {
	if len(g.rows) == 0 {
		g.makeRun()
	}
	row := g.rows[0]
	g.rows = g.rows[1:]
	return row
}

func (g *Native) makeRun() {
	g.run++
	pipeline := g.pick.Uint64()
	id := uuid7(g.random, g.clock)
	row := 0
	add := func(body string) {
		g.clock = g.clock.Add(time.Duration(1+g.random.IntN(500)) * time.Millisecond)
		first := ""
		if row == 0 {
			first = fmt.Sprintf(`"pipeline":{"name":"pipeline_%05d"},`, pipeline)
		}
		g.rows = append(g.rows, fmt.Appendf(nil, `{"id":"%s-%02d","run":"%s",%s"at":"%s","body":{%s}}`, id, row, id, first, g.clock.Format(time.RFC3339Nano), body))
		row++
	}
	add(fmt.Sprintf(`"type":"runStarted","parameters":[{"name":"lr","value":%.4f},{"name":"epochs","value":%d}],"tags":[{"key":"team","value":"team-%d"}]`, g.random.Float64(), 1+g.random.IntN(50), g.random.IntN(8)))
	for s := range 5 {
		add(fmt.Sprintf(`"type":"stepStarted","step":"step_%d"`, s))
		add(fmt.Sprintf(`"type":"artifactsProduced","step":"step_%d","artifacts":[{"artifact":{"name":"p%05d_out_%d"},"version":"%d","type":"dataset","sizeBytes":%d}]`, s, pipeline, s, g.run, g.random.IntN(1<<30)))
		add(fmt.Sprintf(`"type":"stepCompleted","step":"step_%d","metadata":[{"name":"rows","value":%d}]`, s, g.random.IntN(1_000_000)))
	}
	add(fmt.Sprintf(`"type":"metricsLogged","points":[{"name":"rmse","value":%.6f}]`, g.random.Float64()))
	if g.random.IntN(20) == 0 {
		add(`"type":"runFailed","failure":{"type":"ValueError","message":"no rows"}`)
	} else {
		add(`"type":"runCompleted"`)
	}
	// One row fewer than steps allow: the first step's start is left out, as an orchestrator that only reports ends does.
	g.rows = append(g.rows[:1], g.rows[2:]...)
}
