package main

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/audit/seal"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/graphql"
	"github.com/annals-io/annals/projections"
)

// metrics are what /metrics shows. No label holds what a client may choose freely: neither names nor workspaces.
type metrics struct {
	registry *prometheus.Registry

	appendSeconds prometheus.Histogram
	appendEvents  prometheus.Histogram
	appendFailed  prometheus.Counter
	mailbox       prometheus.Histogram
	redone        prometheus.Counter

	pageEvents  *prometheus.HistogramVec
	pageSeconds *prometheus.HistogramVec
	pageLag     *prometheus.HistogramVec
	pageFailed  *prometheus.CounterVec
	parked      *prometheus.CounterVec
	lanes       *prometheus.GaugeVec
	model       prometheus.Gauge
	rebuilt     prometheus.Gauge
	waiting     prometheus.Gauge

	sealedEvents prometheus.Counter
	checkpoints  prometheus.Counter
	sealSeconds  prometheus.Histogram
	told         *prometheus.CounterVec
	sealStopped  prometheus.Gauge
	sealing      prometheus.Gauge

	operation *prometheus.HistogramVec
	ingest    *prometheus.CounterVec
	request   *prometheus.HistogramVec
	auth      *prometheus.CounterVec
}

// The buckets: from what an idle server takes to what nobody waits for; and sizes up to the largest commit and page.
var (
	seconds = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}
	sizes   = []float64{1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000}
)

func newMetrics() *metrics {
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	m := &metrics{
		registry:      prometheus.NewRegistry(),
		appendSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "annals_append_seconds", Help: "How long group commits take.", Buckets: seconds}),
		appendEvents:  prometheus.NewHistogram(prometheus.HistogramOpts{Name: "annals_append_batch_events", Help: "How many events a group commit carries.", Buckets: sizes}),
		appendFailed:  prometheus.NewCounter(prometheus.CounterOpts{Name: "annals_append_failed_total", Help: "Group commits that failed."}),
		mailbox:       prometheus.NewHistogram(prometheus.HistogramOpts{Name: "annals_commands_waiting", Help: "How many commands wait in a workspace's mailbox when one is taken.", Buckets: sizes}),
		redone:        prometheus.NewCounter(prometheus.CounterOpts{Name: "annals_commands_redone_total", Help: "Commands decided again after a conflict with another server."}),
		pageEvents:    histogram("annals_projection_page_events", "How many events a page of a projection holds.", sizes, "model"),
		pageSeconds:   histogram("annals_projection_page_seconds", "How long applying a page takes.", seconds, "model"),
		pageLag:       histogram("annals_projection_lag_seconds", "How long after it was recorded the last event of a page became visible.", seconds, "model"),
		pageFailed:    counter("annals_projection_pages_failed_total", "Pages that could not be applied.", "model"),
		parked:        counter("annals_projection_parked_total", "Events that could not be folded; each pauses its workspace.", "model"),
		lanes:         prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "annals_projection_lanes", Help: "Lanes that this server projects."}, []string{"model"}),
		model:         prometheus.NewGauge(prometheus.GaugeOpts{Name: "annals_read_model_current", Help: "1 while somebody projects into the live read model; 0 while reads get old, since other code made it."}),
		rebuilt:       prometheus.NewGauge(prometheus.GaugeOpts{Name: "annals_read_model_rebuild_ratio", Help: "How much of the log this server's rebuild of an outdated read model has folded; 1 when none is under way."}),
		waiting:       prometheus.NewGauge(prometheus.GaugeOpts{Name: "annals_read_model_waiting", Help: "1 while a read model that was built anew waits for a person, who is to look at what differs and decide."}),
		sealedEvents:  prometheus.NewCounter(prometheus.CounterOpts{Name: "annals_seal_events_total", Help: "Events that this server sealed."}),
		checkpoints:   prometheus.NewCounter(prometheus.CounterOpts{Name: "annals_seal_checkpoints_total", Help: "Checkpoints of streams that this server signed."}),
		sealSeconds:   prometheus.NewHistogram(prometheus.HistogramOpts{Name: "annals_seal_seconds", Help: "How long sealing a page of the log takes.", Buckets: seconds}),
		told:          counter("annals_seal_told_total", "Checkpoints that places outside were told, and attempts that failed.", "outcome"),
		sealStopped:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "annals_seal_stopped", Help: "Trees that are sealed no more, since their history is not what was signed. Anything but 0 is an alarm."}),
		sealing:       prometheus.NewGauge(prometheus.GaugeOpts{Name: "annals_seal_faulty", Help: "1 while this server cannot seal history; its log and /readyz say why."}),
		operation:     histogram("annals_graphql_seconds", "How long GraphQL operations take.", seconds, "kind", "field", "code"),
		ingest:        counter("annals_ingest_events_total", "Events from outside, by what became of them.", "source", "outcome"),
		request:       histogram("annals_http_seconds", "How long requests take.", seconds, "route", "method", "status"),
		auth:          counter("annals_auth_total", "Requests by what became of their key.", "outcome"),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "annals_build_info", Help: "Always 1; the labels say what runs.", ConstLabels: prometheus.Labels{"version": buildVersion(), "go": goVersion()}})
	build.Set(1)
	m.registry.MustRegister(m.appendSeconds, m.appendEvents, m.appendFailed, m.mailbox, m.redone, m.pageEvents, m.pageSeconds, m.pageLag, m.pageFailed,
		m.parked, m.lanes, m.model, m.rebuilt, m.waiting, m.sealedEvents, m.checkpoints, m.sealSeconds, m.told, m.sealStopped, m.sealing, m.operation, m.ingest, m.request, m.auth, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry, MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
}

// appending counts what the executor does.
func (m *metrics) appending() eventstore.Observer {
	return eventstore.Observer{
		Append: func(took time.Duration, _, events int, err error) {
			if err != nil {
				m.appendFailed.Inc()
				return
			}
			m.appendSeconds.Observe(took.Seconds())
			m.appendEvents.Observe(float64(events))
		},
		Mailbox: func(waiting int) { m.mailbox.Observe(float64(waiting)) },
		Redone:  func(commands int) { m.redone.Add(float64(commands)) },
	}
}

// projecting counts what the projections do.
func (m *metrics) projecting() projections.Hooks {
	return projections.Hooks{
		Page: func(p projections.PageInfo) {
			if p.Err != nil {
				m.pageFailed.WithLabelValues(p.Model).Inc()
				return
			}
			m.pageEvents.WithLabelValues(p.Model).Observe(float64(p.Events))
			m.pageSeconds.WithLabelValues(p.Model).Observe(p.Took.Seconds())
			m.pageLag.WithLabelValues(p.Model).Observe(p.Lag.Seconds())
		},
		Parked: func(model string, _ domain.Stream, _ domain.Revision, _ error) { m.parked.WithLabelValues(model).Inc() },
		Lane: func(model string, _ int, held bool) {
			if held {
				m.lanes.WithLabelValues(model).Inc()
				return
			}
			m.lanes.WithLabelValues(model).Dec()
		},
	}
}

// sealed counts what is sealed.
func (m *metrics) sealed() seal.Hooks {
	return seal.Hooks{
		Sealed: func(events, checkpoints int, took time.Duration) {
			m.sealedEvents.Add(float64(events))
			m.checkpoints.Add(float64(checkpoints))
			m.sealSeconds.Observe(took.Seconds())
		},
		Delivered: func(_ string, checkpoints int, err error) {
			outcome := "told"
			if err != nil {
				outcome, checkpoints = "failed", 1
			}
			m.told.WithLabelValues(outcome).Add(float64(checkpoints))
		},
		Looked: func(state seal.State) {
			m.sealStopped.Set(float64(len(state.Stopped)))
			m.sealing.Set(0)
			if state.Fault != "" {
				m.sealing.Set(1)
			}
		},
	}
}

func (m *metrics) operated(o graphql.Observed) {
	m.operation.WithLabelValues(o.Kind, o.Field, o.Code).Observe(o.Took.Seconds())
}

func (m *metrics) ingested(source string) func(outcome string, events int) {
	return func(outcome string, events int) { m.ingest.WithLabelValues(source, outcome).Add(float64(events)) }
}

func (m *metrics) authenticated(outcome string) { m.auth.WithLabelValues(outcome).Inc() }

// requested counts a request. A route that does not exist has no name of its own, or callers could invent labels; so
// have unknown methods.
func (m *metrics) requested(route, method string, status int, took time.Duration) {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete, http.MethodPut, http.MethodPatch, http.MethodOptions:
	default:
		method = "other"
	}
	m.request.WithLabelValues(route, method, strconv.Itoa(status)).Observe(took.Seconds())
}

// watch has the pools and the keys looked at whenever somebody asks for metrics.
func (m *metrics) watch(s *server) {
	m.registry.MustRegister(
		&pools{of: map[string]*pgxpool.Pool{"read": s.pool, "events": s.store.Pool(), "owner": s.owner}},
		&endingKeys{keys: s.keys})
}

var (
	poolDesc = prometheus.NewDesc("annals_pool_connections", "Connections to the database.", []string{"pool", "state"}, nil)
	waitDesc = prometheus.NewDesc("annals_pool_waits_total", "How often nobody's connection was free and one was waited for.", []string{"pool"}, nil)
	keyDesc  = prometheus.NewDesc("annals_api_key_expires_seconds", "Seconds until a key ends, for those that end within 14 days.", []string{"key"}, nil)
)

// pools shows how the pools stand.
type pools struct{ of map[string]*pgxpool.Pool }

func (p *pools) Describe(ch chan<- *prometheus.Desc) { ch <- poolDesc; ch <- waitDesc }

func (p *pools) Collect(ch chan<- prometheus.Metric) {
	for name, pool := range p.of {
		stat := pool.Stat()
		for state, n := range map[string]int32{"used": stat.AcquiredConns(), "idle": stat.IdleConns(), "most": stat.MaxConns()} {
			ch <- prometheus.MustNewConstMetric(poolDesc, prometheus.GaugeValue, float64(n), name, state)
		}
		ch <- prometheus.MustNewConstMetric(waitDesc, prometheus.CounterValue, float64(stat.EmptyAcquireCount()), name)
	}
}

// endingKeys shows the keys near their end, so that somebody is told before they stop working.
type endingKeys struct{ keys *access.Keys }

func (e *endingKeys) Describe(ch chan<- *prometheus.Desc) { ch <- keyDesc }

func (e *endingKeys) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	records, err := e.keys.Ending(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(keyDesc, err)
		return
	}
	for _, r := range records {
		ch <- prometheus.MustNewConstMetric(keyDesc, prometheus.GaugeValue, time.Until(*r.ExpiresAt).Seconds(), r.ID)
	}
}
