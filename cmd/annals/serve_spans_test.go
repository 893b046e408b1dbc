package main

import (
	"context"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/annals-io/annals/internal/pgtest"
)

// keptSpans are spans that outlive their provider.
type keptSpans struct{ *tracetest.InMemoryExporter }

func (keptSpans) Shutdown(context.Context) error { return nil }

var _ trace.SpanExporter = keptSpans{}

// A request's span holds what it carried out and read; a group commit and a page have spans of their own.
func TestSpansOfWhatARequestDoes(t *testing.T) {
	t.Parallel()
	spans := keptSpans{tracetest.NewInMemoryExporter()}
	var stop func()
	s := startServerIn(t, pgtest.Dir(t), pgtest.URL(t), func(f func()) { stop = f }, func(f *serveFlags) { f.exporter = spans })
	const row = `{"id":"1","run":"r","pipeline":{"name":"score"},"at":"2026-03-01T12:00:00Z","body":{"type":"runStarted"}}`
	if status, text, _ := s.call(t, "POST", "/v1/workspaces/default/events", s.Key, row, "Content-Type", "application/x-ndjson", "Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"); status != 200 {
		t.Fatalf("ingest answers %d: %s", status, text)
	}
	if _, errs, exit := s.annals("", "run", "list"); exit != 0 {
		t.Fatal(errs)
	}
	stop()

	parents, byName := map[string]tracetest.SpanStub{}, map[string][]tracetest.SpanStub{}
	for _, span := range spans.GetSpans() {
		parents[span.SpanContext.SpanID().String()] = span
		byName[span.Name] = append(byName[span.Name], span)
	}
	inRequest := func(name string) bool {
		for _, span := range byName[name] {
			for parent, ok := parents[span.Parent.SpanID().String()]; ok; parent, ok = parents[parent.Parent.SpanID().String()] {
				if parent.Name == "POST" {
					return true
				}
			}
		}
		return false
	}
	for _, name := range []string{"execute", "query"} {
		if !inRequest(name) {
			t.Errorf("no span %q lies in that of a request", name)
		}
	}
	joined := false
	for _, span := range byName["execute"] {
		joined = joined || span.SpanContext.TraceID().String() == "0af7651916cd43dd8448eb211c80319c"
	}
	if !joined {
		t.Error("what was carried out is not part of the caller's trace")
	}
	for _, name := range []string{"append", "project"} {
		if !counts(byName[name]) {
			t.Errorf("no span %q says how many events it took: %v", name, byName[name])
		}
	}
}

func counts(spans []tracetest.SpanStub) bool {
	for _, span := range spans {
		for _, a := range span.Attributes {
			if a.Key == attribute.Key("annals.events") && a.Value.AsInt64() > 0 {
				return true
			}
		}
	}
	return false
}
