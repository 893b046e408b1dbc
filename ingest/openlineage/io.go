package openlineage

import (
	"slices"
	"strings"

	"github.com/annals-io/annals/domain"
)

// io is a dataset as an execution read or wrote it.
func (f *facts) io(d *Dataset, position int) domain.IO {
	io := domain.IO{
		Artifact: name(d.Name), Position: position, Type: strings.ToUpper(d.Type), SizeBytes: size(d),
		Tags: f.tags(d.Tags), Docs: f.text(d.Documentation), Deleted: f.deleted(d.Deleted), Metadata: f.datasetMetadata(d),
	}
	if len(d.Version) <= MaxName {
		io.Version = d.Version
	} else {
		f.warn(LeftInBody)
	}
	if d.DataSource != nil && len(d.DataSource.URI) <= MaxName {
		io.URI = d.DataSource.URI
	}
	for _, s := range d.Symlinks {
		alias := domain.Alias{Name: name(s.Name), Type: s.Type}
		if alias.Name == io.Artifact || slices.Contains(io.Aliases, alias) {
			continue // a dataset is no alias of itself
		}
		if len(io.Aliases) == maxAliases {
			f.warn(LeftInBody)
			break
		}
		io.Aliases = append(io.Aliases, alias)
	}
	if d.Lifecycle != nil {
		io.Lifecycle = strings.ToUpper(d.Lifecycle.Change)
		if p := d.Lifecycle.Previous; p != nil && *p != d.Name {
			was := name(*p)
			io.Renamed = &was
		}
	}
	if len(d.Schema) > 0 {
		io.Schema = f.takeSchema(columns(make([]domain.Field, 0, len(d.Schema)), "", d.Schema))
	}
	return io
}

// maxAliases is the most aliases of one dataset in one event; real ones have one or two.
const maxAliases = 50

// columns are the fields of a schema, those inside others by their path.
func columns(all []domain.Field, prefix string, fields []Field) []domain.Field {
	for _, c := range fields {
		if c.Name == "" && len(c.Fields) == 0 {
			continue
		}
		path := prefix + c.Name
		all = append(all, domain.Field{Name: path, Type: c.Type})
		all = columns(all, path+".", c.Fields)
	}
	return all
}

// size is how many bytes were written or read, or how many there are.
func size(d *Dataset) *int64 {
	switch {
	case d.Written != nil && d.Written.Bytes != nil:
		return d.Written.Bytes
	case d.Read != nil && d.Read.Bytes != nil:
		return d.Read.Bytes
	case d.Metrics != nil:
		return d.Metrics.Bytes
	}
	return nil
}

// datasetMetadata is what the facets say of a dataset that has no field of its own. The names are documented and kept.
func (f *facts) datasetMetadata(d *Dataset) []domain.Attribute {
	a := attributes{f: f}
	statistics(&a, "output", d.Written)
	statistics(&a, "input", d.Read)
	if s := d.DataSource; s != nil {
		a.text("dataSource.name", s.Name)
	}
	if s := d.Storage; s != nil {
		a.text("storage.layer", s.Layer)
		a.text("storage.format", s.Format)
	}
	if c := d.Catalog; c != nil {
		a.text("catalog.name", c.Name)
		a.text("catalog.type", c.Type)
		a.text("catalog.framework", c.Framework)
		a.text("catalog.metadataUri", c.Metadata)
		a.text("catalog.warehouseUri", c.Warehouse)
	}
	a.text("subType", d.SubType)
	if len(d.Hierarchy) > 0 {
		all := make([]levelSaid, len(d.Hierarchy))
		for i, l := range d.Hierarchy {
			all[i] = levelSaid(l)
		}
		a.json("hierarchy", all)
	}
	if m := d.Metrics; m != nil {
		statistics(&a, "quality", &m.Statistics)
		a.time("quality.lastUpdated", m.LastUpdated)
		for _, c := range m.Columns {
			a.columnMetrics(c)
		}
	}
	if len(d.Assertions) > 0 {
		all := make([]assertionSaid, len(d.Assertions))
		for i, s := range d.Assertions {
			all[i] = assertionSaid{s.Assertion, s.Name, s.Column, s.Severity, s.Success, s.Expected, s.Actual}
		}
		a.json("assertions", all)
	}
	if columnTags := tagsOfColumns(d.Tags); columnTags != nil {
		a.json("columnTags", columnTags)
	}
	return a.all
}

func statistics(a *attributes, of string, s *Statistics) {
	if s == nil {
		return
	}
	a.whole(of+".rows", s.Rows)
	a.whole(of+".bytes", s.Bytes)
	a.whole(of+".files", s.Files)
}

func (a *attributes) columnMetrics(c ColumnMetrics) {
	prefix := "quality.columns." + c.Column
	a.whole(prefix+".nulls", c.Nulls)
	a.whole(prefix+".distinct", c.Distinct)
	a.number(prefix+".sum", c.Sum)
	a.number(prefix+".count", c.Count)
	a.number(prefix+".min", c.Min)
	a.number(prefix+".max", c.Max)
	for _, q := range c.Quantiles {
		a.number(prefix+".quantiles."+q.Part, q.Value)
	}
}

// levelSaid, assertionSaid and columnTag are how these stand in metadata.
type (
	levelSaid struct {
		Type string `json:"type,omitempty"`
		Name string `json:"name"`
	}
	assertionSaid struct {
		Assertion string `json:"assertion,omitempty"`
		Name      string `json:"name,omitempty"`
		Column    string `json:"column,omitempty"`
		Severity  string `json:"severity,omitempty"`
		Success   *bool  `json:"success,omitempty"`
		Expected  string `json:"expected,omitempty"`
		Actual    string `json:"actual,omitempty"`
	}
	columnTag struct {
		Field  string `json:"field"`
		Key    string `json:"key"`
		Value  string `json:"value,omitempty"`
		Source string `json:"source,omitempty"`
	}
)

func tagsOfColumns(all []Tag) []columnTag {
	var out []columnTag
	for _, t := range all {
		if t.Field != "" {
			out = append(out, columnTag{t.Field, t.Key, t.Value, t.Source})
		}
	}
	return out
}

// merge unites what is said twice of one dataset in one list: the later word wins where both say something.
func merge(a *domain.IO, b domain.IO) {
	take := func(dst *string, src string) {
		if src != "" {
			*dst = src
		}
	}
	take(&a.Type, b.Type)
	take(&a.URI, b.URI)
	take(&a.Lifecycle, b.Lifecycle)
	if b.SizeBytes != nil {
		a.SizeBytes = b.SizeBytes
	}
	if b.Schema != nil {
		a.Schema = b.Schema
	}
	if b.Renamed != nil {
		a.Renamed = b.Renamed
	}
	if b.Docs != nil {
		a.Docs = b.Docs
	}
	for _, alias := range b.Aliases {
		if !slices.Contains(a.Aliases, alias) {
			a.Aliases = append(a.Aliases, alias)
		}
	}
	for _, v := range b.Metadata {
		at := slices.IndexFunc(a.Metadata, func(x domain.Attribute) bool { return x.Name == v.Name })
		if at < 0 {
			a.Metadata = append(a.Metadata, v)
			continue
		}
		a.Metadata[at] = v
	}
	for _, t := range b.Tags {
		if !slices.Contains(a.Tags, t) {
			a.Tags = append(a.Tags, t)
		}
	}
	for _, d := range b.Deleted {
		if !slices.Contains(a.Deleted, d) {
			a.Deleted = append(a.Deleted, d)
		}
	}
	for _, from := range b.From {
		if !slices.Contains(a.From, from) {
			a.From = append(a.From, from)
		}
	}
}
