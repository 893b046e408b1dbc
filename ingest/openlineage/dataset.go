package openlineage

// A Dataset is an input or output, or what a DatasetEvent speaks of.
type Dataset struct {
	Name          Name
	Schema        []Field // columns; nil where the facet is not there
	DataSource    *DataSource
	Version       string // the producer's name of the version that was read or written
	Symlinks      []Symlink
	ColumnLineage *ColumnLineage
	Lineage       *Lineage // explicit edges
	Storage       *Storage
	Catalog       *Catalog
	Hierarchy     []Level
	Lifecycle     *Lifecycle
	Type          string // TABLE, VIEW, TOPIC, MODEL, ...
	SubType       string
	Owners        []Owner
	Ownership     Text // the array of owners
	Documentation Text
	Tags          []Tag
	Metrics       *Metrics
	Assertions    []Assertion
	Subset        Text        // which part of the dataset is meant
	Read          *Statistics // inputStatistics
	Written       *Statistics // outputStatistics
	Deleted       []string    // facets that are taken away
	Unknown       []Facet
}

// A Field is a column, or a part of one.
type Field struct {
	Name        string
	Type        string
	Description Text
	Ordinal     *int64
	Fields      []Field
}

// A DataSource is where a dataset lies.
type DataSource struct {
	Name string
	URI  string
}

// A Symlink is another name of the same dataset.
type Symlink struct {
	Name Name
	Type string // TABLE, ...
}

// Storage is how a dataset is stored.
type Storage struct {
	Layer  string
	Format string
}

// A Catalog is where a dataset is registered. Its properties stay in the body.
type Catalog struct {
	Framework string
	Type      string
	Name      string
	Metadata  string // URI
	Warehouse string // URI
	Source    string
}

// A Level is one step from the outermost container to the dataset.
type Level struct {
	Type string
	Name string
}

// A Lifecycle is a change of the dataset itself.
type Lifecycle struct {
	Change   string // ALTER, CREATE, DROP, OVERWRITE, RENAME, TRUNCATE
	Previous *Name  // of a RENAME
}

// read fills in the facets of a dataset, wherever producers put them.
func (d *Dataset) read(r *reader, o object) {
	for _, member := range [...]string{"facets", "inputFacets", "outputFacets"} {
		if !o.v.Get(member).Present() {
			continue
		}
		facets := o.get(member)
		for name, v := range facets.v.Members() {
			facet, ok := r.facet(name, v, &d.Deleted, &d.Unknown)
			if ok && !d.place(name, facet) && !d.measure(name, facet) {
				d.Unknown = append(d.Unknown, Facet{name, Text(v.Pointer())})
			}
		}
	}
}

// place reads the facets that say what and where a dataset is, and what it was made from.
func (d *Dataset) place(name string, o object) bool {
	switch name {
	case "schema":
		d.Schema = fields(o)
	case "dataSource":
		d.DataSource = &DataSource{o.text("name"), o.text("uri")}
	case "version":
		d.Version = o.scalar("datasetVersion")
	case "symlinks":
		for s := range o.list("identifiers") {
			if link, ok := s.name(); ok {
				d.Symlinks = append(d.Symlinks, Symlink{link, s.text("type")})
			}
		}
	case "columnLineage":
		d.ColumnLineage = columnLineage(o)
	case "lineage":
		explicit := lineage(o)
		d.Lineage = &explicit
	case "storage":
		d.Storage = &Storage{o.text("storageLayer"), o.text("fileFormat")}
	case "catalog":
		d.Catalog = &Catalog{o.text("framework"), o.text("type"), o.text("name"), o.text("metadataUri"), o.text("warehouseUri"), o.text("source")}
	case "hierarchy":
		for l := range o.list("hierarchy") {
			d.Hierarchy = append(d.Hierarchy, Level{l.text("type"), l.text("name")})
		}
	case "lifecycleStateChange":
		d.Lifecycle = &Lifecycle{Change: o.text("lifecycleStateChange")}
		if o.has("previousIdentifier") {
			if previous, ok := o.get("previousIdentifier").name(); ok {
				d.Lifecycle.Previous = &previous
			}
		}
	case "datasetType":
		d.Type, d.SubType = o.text("datasetType"), o.text("subType")
	case "ownership":
		d.Owners, d.Ownership = o.owners(), o.place("owners")
	case "documentation":
		d.Documentation = o.ref("description")
	case "tags":
		d.Tags = o.tags()
	case "subset":
		d.Subset = Text(o.path())
	default:
		return false
	}
	return true
}

// fields reads columns in the order of the body, with the columns inside them.
func fields(o object) []Field {
	all := make([]Field, 0, o.v.Get("fields").Len())
	for f := range o.list("fields") {
		field := Field{Name: f.text("name"), Type: f.text("type"), Description: f.ref("description"), Ordinal: f.whole("ordinal_position")}
		if f.v.Get("fields").Present() {
			field.Fields = fields(f)
		}
		all = append(all, field)
	}
	return all
}
