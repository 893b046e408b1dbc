package generate

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"
)

// OpenLineage generates the events of one producer. The zero value is not usable: see [NewOpenLineage].
type OpenLineage struct {
	random *rand.Rand
	jobs   []job
	pick   *rand.Zipf
	clock  time.Time
	queue  [][]byte // the events of the run under way, last one first
}

type job struct {
	name    string
	inputs  []dataset
	outputs []dataset
	parent  string
}

type dataset struct {
	name    string
	columns int
}

// NewOpenLineage has so many jobs; the same seed makes the same events.
func NewOpenLineage(seed uint64, jobs int) *OpenLineage {
	g := &OpenLineage{random: rand.New(rand.NewPCG(seed, 0x0a11a15)), clock: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	datasets := make([]dataset, jobs*2)
	for i := range datasets {
		datasets[i] = dataset{fmt.Sprintf("warehouse.layer%d.table_%05d", i%4, i), 3 + g.random.IntN(14)}
	}
	popular := rand.NewZipf(g.random, 1.2, 8, uint64(len(datasets)-1))
	for i := range jobs {
		j := job{name: fmt.Sprintf("etl_%03d.task_%05d", i/20, i), parent: fmt.Sprintf("etl_%03d", i/20)}
		for range g.random.IntN(4) {
			j.inputs = append(j.inputs, datasets[popular.Uint64()])
		}
		j.outputs = append(j.outputs, datasets[(i*2)%len(datasets)])
		if g.random.IntN(5) == 0 {
			j.outputs = append(j.outputs, datasets[(i*2+1)%len(datasets)])
		}
		g.jobs = append(g.jobs, j)
	}
	g.pick = rand.NewZipf(g.random, 1.1, 16, uint64(jobs-1))
	return g
}

// Next is the next event, as a producer would send it.
func (g *OpenLineage) Next() []byte {
	if len(g.queue) == 0 {
		g.run()
	}
	last := len(g.queue) - 1
	e := g.queue[last]
	g.queue = g.queue[:last]
	return e
}

// run makes the events of one run: a start, at times progress, and an end.
func (g *OpenLineage) run() {
	j := g.jobs[g.pick.Uint64()]
	id, parent := g.uuid(), g.uuid()
	g.clock = g.clock.Add(time.Duration(1+g.random.IntN(2000)) * time.Millisecond)
	at := g.clock
	types := []string{"START"}
	for range g.random.IntN(3) {
		types = append(types, "RUNNING")
	}
	end := "COMPLETE"
	if g.random.IntN(20) == 0 {
		end = "FAIL"
	}
	types = append(types, end)
	for _, typ := range types {
		g.queue = append([][]byte{g.event(typ, at, id, parent, j)}, g.queue...)
		at = at.Add(time.Duration(10+g.random.IntN(60_000)) * time.Millisecond)
	}
}

const producer = "https://example.org/annals/generator"

type object = map[string]any

func facet(version string, o object) object {
	o["_producer"], o["_schemaURL"] = producer, "https://openlineage.io/spec/facets/"+version
	return o
}

func (g *OpenLineage) event(typ string, at time.Time, id, parent string, j job) []byte {
	run := object{
		"parent":            facet("1-1-0/ParentRunFacet.json", object{"run": object{"runId": parent}, "job": object{"namespace": "airflow", "name": j.parent}}),
		"nominalTime":       facet("1-0-1/NominalTimeRunFacet.json", object{"nominalStartTime": at.Truncate(time.Hour).Format(time.RFC3339)}),
		"processing_engine": facet("1-1-1/ProcessingEngineRunFacet.json", object{"name": "spark", "version": "3.5.9", "openlineageAdapterVersion": "1.53.0"}),
	}
	if typ == "FAIL" {
		run["errorMessage"] = facet("1-0-1/ErrorMessageRunFacet.json", object{"message": "the table is locked", "programmingLanguage": "python", "stackTrace": "at line 1\nat line 2"})
	}
	e := object{
		"eventType": typ, "eventTime": at.Format(time.RFC3339Nano), "producer": producer, "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
		"run":    object{"runId": id, "facets": run},
		"job":    object{"namespace": "airflow", "name": j.name, "facets": object{"jobType": facet("2-0-3/JobTypeJobFacet.json", object{"processingType": "BATCH", "integration": "AIRFLOW", "jobType": "TASK"})}},
		"inputs": g.datasets(j.inputs, nil), "outputs": g.datasets(j.outputs, j.inputs),
	}
	data, err := json.Marshal(e)
	if err != nil {
		panic(err) // maps of strings and numbers always encode
	}
	return data
}

func (g *OpenLineage) datasets(list, from []dataset) []object {
	out := []object{}
	for _, d := range list {
		fields, columns := make([]object, d.columns), object{}
		for c := range fields {
			fields[c] = object{"name": fmt.Sprintf("column_%02d", c), "type": "string"}
			if len(from) > 0 && c < 4 {
				columns[fmt.Sprintf("column_%02d", c)] = object{"inputFields": []object{{"namespace": "postgres://warehouse:5432", "name": from[c%len(from)].name, "field": fmt.Sprintf("column_%02d", c)}}}
			}
		}
		facets := object{
			"schema":     facet("1-1-1/SchemaDatasetFacet.json", object{"fields": fields}),
			"dataSource": facet("1-0-1/DatasourceDatasetFacet.json", object{"name": "warehouse", "uri": "postgres://warehouse:5432/warehouse"}),
		}
		if len(columns) > 0 {
			facets["columnLineage"] = facet("1-2-0/ColumnLineageDatasetFacet.json", object{"fields": columns})
		}
		out = append(out, object{"namespace": "postgres://warehouse:5432", "name": d.name, "facets": facets})
	}
	return out
}

// uuid is a version 7 UUID (RFC 9562) of the generator's own clock and randomness.
func (g *OpenLineage) uuid() string { return uuid7(g.random, g.clock) }

func uuid7(random *rand.Rand, at time.Time) string {
	ms, a, b := uint64(at.UnixMilli()), random.Uint64(), random.Uint64()
	return fmt.Sprintf("%08x-%04x-7%03x-%04x-%012x", ms>>16, ms&0xffff, a&0xfff, 0x8000|(b>>48)&0x3fff, b&0xffffffffffff)
}
