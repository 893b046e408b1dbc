package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// tracerName is the name of what makes our spans.
const tracerName = "github.com/annals-io/annals"

// traces says whether spans go anywhere.
func (f serveFlags) traces() bool { return f.exporter != nil || f.otlpEndpoint != "" }

// tracing begins to export traces, where an endpoint is set. Without one, nothing is made and nothing is paid. The
// function it answers with sends what is left.
func (f serveFlags) tracing(ctx context.Context, log *slog.Logger) (tracer oteltrace.Tracer, flush func(), err error) {
	exporter := f.exporter
	if !f.traces() {
		return noop.NewTracerProvider().Tracer(tracerName), func() {}, nil
	}
	if exporter == nil {
		if exporter, err = otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(f.otlpEndpoint)); err != nil {
			return nil, nil, fmt.Errorf("export traces to %s: %w", f.otlpEndpoint, err)
		}
		otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces", "err", err) }))
	}
	provider := trace.NewTracerProvider(trace.WithBatcher(exporter), trace.WithResource(resource.NewSchemaless(
		attribute.String("service.name", "annals"), attribute.String("service.version", buildVersion()))))
	return provider.Tracer(tracerName), func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
		if err := provider.Shutdown(last); err != nil {
			log.Warn("traces", "err", err)
		}
	}, nil
}

// traced makes a span of each request, joined to the caller's where he sends one. Paths are not in it: they can hold
// names of workspaces, which belong to those.
func (s *server) traced(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		ctx, span := s.tracer.Start(ctx, r.Method, oteltrace.WithSpanKind(oteltrace.SpanKindServer))
		defer span.End()
		if !span.IsRecording() {
			next.ServeHTTP(w, r)
			return
		}
		seen := &answer{ResponseWriter: w}
		r = r.WithContext(ctx)
		next.ServeHTTP(seen, r)
		span.SetAttributes(attribute.String("http.request.method", r.Method), attribute.Int("http.response.status_code", seen.status))
		if seen.status >= 500 {
			span.SetStatus(codes.Error, http.StatusText(seen.status))
		}
	})
}
