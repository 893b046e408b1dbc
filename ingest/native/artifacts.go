package native

import (
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/ingest/foreign"
)

func (b *body2facts) consumed(v foreign.Value) domain.Event {
	o := b.object(v, "/body", "type", "step", "attempt", "artifacts")
	return domain.ArtifactsConsumed{Execution: b.execution(o), Attempt: b.attempt(o), Inputs: b.ios(o)}
}

func (b *body2facts) produced(v foreign.Value) domain.Event {
	o := b.object(v, "/body", "type", "step", "attempt", "artifacts")
	return domain.ArtifactsProduced{Execution: b.execution(o), Attempt: b.attempt(o), Outputs: b.ios(o)}
}

func (b *body2facts) ios(o foreign.Value) []domain.IO {
	var out []domain.IO
	for i, v := range b.list(o, "artifacts", domain.MaxItems) {
		out = append(out, b.io(v, i))
	}
	if len(out) == 0 {
		b.refuseAt("/body/artifacts", Missing, "There is at least one artifact.", "there is none")
	}
	return out
}

func (b *body2facts) io(v foreign.Value, position int) domain.IO {
	o := b.object(v, v.Pointer(), "artifact", "version", "role", "type", "uri", "sizeBytes", "digest", "fields", "metadata", "tags", "from", "columns")
	io := domain.IO{
		Artifact: b.name(o.Get("artifact"), v.Pointer()+"/artifact"), Version: b.identity(o, "version", false, domain.MaxName), Role: b.identity(o, "role", false, maxKey), Position: position,
		Type: b.text(o, "type", false), URI: b.text(o, "uri", false), Digest: b.text(o, "digest", false), Metadata: b.attributes(o, "metadata"), Tags: b.tags(o),
	}
	if o.Get("sizeBytes").Present() {
		size := b.whole(o, "sizeBytes", 0, 0, 1<<62)
		io.SizeBytes = &size
	}
	for _, f := range b.list(o, "fields", 10_000) {
		fo := b.object(f, f.Pointer(), "name", "type")
		io.Schema = append(io.Schema, domain.Field{Name: b.text(fo, "name", true), Type: b.text(fo, "type", false)})
	}
	for _, f := range b.list(o, "from", domain.MaxItems) {
		io.From = append(io.From, b.name(f, f.Pointer()))
	}
	for _, c := range b.list(o, "columns", 10_000) {
		io.Columns = append(io.Columns, b.column(c))
	}
	return io
}

func (b *body2facts) column(v foreign.Value) domain.ColumnEdge {
	o := b.object(v, v.Pointer(), "field", "from", "fromField", "type", "subtype", "masking")
	return domain.ColumnEdge{Field: b.text(o, "field", false), From: b.name(o.Get("from"), v.Pointer()+"/from"), FromField: b.text(o, "fromField", true), Kind: b.text(o, "type", false),
		Subtype: b.text(o, "subtype", false), Masking: b.flag(o, "masking")}
}
