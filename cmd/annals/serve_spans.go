package main

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/projections"
)

// Beside the span of a request there are: "execute" and "query" inside of it, for the commands it carries out and the
// statements it reads by; and, each on its own since many requests share one, "append" for a group commit and
// "project" for a page that was folded. None names a workspace, and no statement holds a value: all are bound.

// commander carries out commands, each call in a span where there are any, and for the token of a run those of its run.
func (s *server) commander() eventstore.Commander {
	var c eventstore.Commander = s.commands
	if s.recording {
		c = spanned{c, s.tracer}
	}
	return access.Bound(s.keys.Watch(c))
}

type spanned struct {
	next   eventstore.Commander
	tracer oteltrace.Tracer
}

func (c spanned) Execute(ctx context.Context, r eventstore.Request) (eventstore.Result, error) {
	ctx, span := c.tracer.Start(ctx, "execute", oteltrace.WithAttributes(attribute.Int("annals.commands", 1)))
	defer span.End()
	result, err := c.next.Execute(ctx, r)
	failed(span, err)
	return result, err
}

func (c spanned) ExecuteAll(ctx context.Context, rs []eventstore.Request) []eventstore.Answer {
	ctx, span := c.tracer.Start(ctx, "execute", oteltrace.WithAttributes(attribute.Int("annals.commands", len(rs))))
	defer span.End()
	return c.next.ExecuteAll(ctx, rs)
}

// failed marks a span. What went wrong is in the log: an error's text may hold a client's words.
func failed(span oteltrace.Span, err error) {
	if err != nil {
		span.SetStatus(codes.Error, "")
	}
}

// past makes a span of something that has just ended.
func (s *server) past(name string, took time.Duration, err error, attributes ...attribute.KeyValue) {
	_, span := s.tracer.Start(context.Background(), name, oteltrace.WithTimestamp(time.Now().Add(-took)), oteltrace.WithAttributes(attributes...))
	failed(span, err)
	span.End()
}

// appending counts group commits, and makes spans of them.
func (s *server) appending() eventstore.Observer {
	o := s.metrics.appending()
	if !s.recording {
		return o
	}
	count := o.Append
	o.Append = func(took time.Duration, slices, events int, err error) {
		count(took, slices, events, err)
		s.past("append", took, err, attribute.Int("annals.slices", slices), attribute.Int("annals.events", events))
	}
	return o
}

// projecting counts pages, and makes spans of them.
func (s *server) projecting() projections.Hooks {
	h := s.metrics.projecting()
	if !s.recording {
		return h
	}
	count := h.Page
	h.Page = func(p projections.PageInfo) {
		count(p)
		s.past("project", p.Took, p.Err, attribute.String("annals.model", p.Model), attribute.Int("annals.lane", p.Lane), attribute.Int("annals.events", p.Events))
	}
	return h
}

// sqlTracer makes spans of the statements of requests; nil where there are no spans.
func (s *server) sqlTracer() pgx.QueryTracer {
	if !s.recording {
		return nil
	}
	return sqlSpans{s.tracer}
}

type sqlSpans struct{ tracer oteltrace.Tracer }

// longestStatement is how much of a statement a span holds, in bytes.
const longestStatement = 2 << 10

// TraceQueryStart begins a span, where the statement is part of something that has one.
func (t sqlSpans) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	return t.begin(ctx, data.SQL)
}

// TraceBatchStart begins one for statements that travel together, such as a question and what lets it see a workspace.
func (t sqlSpans) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	texts := make([]string, len(data.Batch.QueuedQueries))
	for i, q := range data.Batch.QueuedQueries {
		texts[i] = q.SQL
	}
	return t.begin(ctx, strings.Join(texts, "; "))
}

// TraceBatchQuery does nothing: the statements of a batch share a span.
func (t sqlSpans) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd ends it.
func (sqlSpans) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchEndData) {
	if ctx.Value(spanBegun{}) == nil {
		return
	}
	span := oteltrace.SpanFromContext(ctx)
	failed(span, data.Err)
	span.End()
}

func (t sqlSpans) begin(ctx context.Context, text string) context.Context {
	if !oteltrace.SpanFromContext(ctx).IsRecording() {
		return ctx
	}
	text = strings.Join(strings.Fields(text), " ")
	ctx, _ = t.tracer.Start(ctx, "query", oteltrace.WithSpanKind(oteltrace.SpanKindClient), oteltrace.WithAttributes(
		attribute.String("db.system.name", "postgresql"), attribute.String("db.query.text", text[:min(len(text), longestStatement)])))
	return context.WithValue(ctx, spanBegun{}, true)
}

// spanBegun marks a context whose span is of a statement.
type spanBegun struct{}

// TraceQueryEnd ends the span of the statement.
func (sqlSpans) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	if ctx.Value(spanBegun{}) == nil {
		return
	}
	span := oteltrace.SpanFromContext(ctx)
	span.SetAttributes(attribute.Int64("db.response.returned_rows", data.CommandTag.RowsAffected()))
	failed(span, data.Err)
	span.End()
}
