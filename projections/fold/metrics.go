package fold

import (
	"math"
	"time"

	"github.com/annals-io/annals/domain"
)

type metricKey struct {
	entity int64
	name   string
}

// The numbers are kept as their bits, so that rows can be compared: NaN is no equal of itself.
type metricRow struct {
	kind       string
	last       bits64
	lastStep   int64
	lastAt     time.Time
	lastDigest domain.Digest
	min, max   bits64
	points     int64
}

// bits64 is a float64 that equals itself.
type bits64 uint64

func bitsOf(f float64) bits64 {
	if math.IsNaN(f) {
		f = math.NaN()
	}
	return bits64(math.Float64bits(f))
}

func (b bits64) float() float64 { return math.Float64frombits(uint64(b)) }

var metricsTable = table[metricKey, metricRow]{
	name: "metrics", keys: 2,
	of: func(k *metricKey, _ *metricRow) int64 { return k.entity },
	columns: []column{
		{name: "entity", typ: tInt8}, {name: "name", typ: tText}, {name: "kind", typ: tText}, {name: "last", typ: tFloat8}, {name: "last_step", typ: tInt8},
		{name: "last_at", typ: tTime}, {name: "last_digest", typ: tBytea}, {name: "min", typ: tFloat8}, {name: "max", typ: tFloat8}, {name: "points", typ: tInt8},
	},
	bind: func(k *metricKey, r *metricRow, to []any) []any {
		return append(to, &k.entity, &k.name, &r.kind, (*uint64)(&r.last), &r.lastStep, &r.lastAt, &r.lastDigest, (*uint64)(&r.min), (*uint64)(&r.max), &r.points)
	},
}

// metricsLogged folds in measured points. The last one is the latest by event time, then by training step, then by
// digest; what is not a number is least and greatest only where nothing else was measured.
func (f *fold) metricsLogged(e domain.MetricsLogged) {
	entity := e.Subject()
	key := f.key(entity)
	for _, p := range e.Points {
		value := bitsOf(float64(p.Value))
		m := f.metrics.edit(metricKey{key, keyText(p.Name)})
		if m.points == 0 {
			*m = metricRow{kind: string(entity.Kind), last: value, lastStep: p.Step, lastAt: f.order.At, lastDigest: f.order.Digest, min: value, max: value, points: 1}
			continue
		}
		m.points++
		if m.after(f.order, p.Step) {
			m.last, m.lastStep, m.lastAt, m.lastDigest = value, p.Step, f.order.At, f.order.Digest
		}
		if v := value.float(); !math.IsNaN(v) {
			if low := m.min.float(); math.IsNaN(low) || v < low {
				m.min = value
			}
			if high := m.max.float(); math.IsNaN(high) || v > high {
				m.max = value
			}
		}
	}
}

// after says whether a point of the event at hand is not before the last one.
func (m *metricRow) after(o domain.Order, step int64) bool {
	if c := o.At.Compare(m.lastAt); c != 0 {
		return c > 0
	}
	if step != m.lastStep {
		return step > m.lastStep
	}
	return o.Digest.Compare(m.lastDigest) >= 0
}
