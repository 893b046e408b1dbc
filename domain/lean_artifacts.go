package domain

func (p *lean) consumed(e *ArtifactsConsumed) {
	p.object(func(key []byte) int { return p.used(key, &e.Execution, &e.Phase, &e.Attempt, "inputs", &e.Inputs) })
}

func (p *lean) produced(e *ArtifactsProduced) {
	p.object(func(key []byte) int { return p.used(key, &e.Execution, &e.Phase, &e.Attempt, "outputs", &e.Outputs) })
}

func (p *lean) used(key []byte, x *Execution, phase *Phase, attempt *int, listed string, ios *[]IO) int {
	if bit := p.execution(key, x); bit != unknown {
		return bit
	}
	switch string(key) {
	case "phase":
		*phase = Phase(p.text())
		return 2
	case "attempt":
		*attempt = int(p.whole())
		return 3
	case listed:
		*ios = list(p, (*lean).io)
		return 4
	}
	return unknown
}

func (p *lean) io(io *IO) {
	p.object(func(key []byte) int {
		switch string(key) {
		case "artifact":
			p.name(&io.Artifact)
			return 0
		case "version":
			io.Version = p.text()
			return 1
		case "role":
			io.Role = p.text()
			return 2
		case "position":
			io.Position = int(p.whole())
			return 3
		case "type":
			io.Type = p.text()
			return 4
		case "uri":
			io.URI = p.text()
			return 5
		case "sizeBytes":
			n := p.whole()
			io.SizeBytes = &n
			return 6
		case "digest":
			io.Digest = p.text()
			return 7
		case "schema":
			io.Schema = list(p, (*lean).field)
			return 8
		case "aliases":
			p.other(&io.Aliases)
			return 9
		case "lifecycle":
			io.Lifecycle = p.text()
			return 10
		case "metadata":
			io.Metadata = list(p, (*lean).attribute)
			return 11
		case "tags":
			io.Tags = list(p, (*lean).tag)
			return 12
		case "description":
			p.other(&io.Docs)
			return 13
		case "from":
			io.From = list(p, (*lean).name)
			return 14
		case "columns":
			io.Columns = list(p, (*lean).column)
			return 15
		case "columnsIn":
			p.other(&io.ColumnsIn)
			return 16
		case "renamed":
			io.Renamed = new(Name)
			p.name(io.Renamed)
			return 17
		case "deleted":
			io.Deleted = list(p, func(p *lean, s *string) { *s = p.text() })
			return 18
		}
		return unknown
	})
}

func (p *lean) field(f *Field) {
	p.object(func(key []byte) int {
		switch string(key) {
		case "name":
			f.Name = p.text()
			return 0
		case "type":
			f.Type = p.text()
			return 1
		}
		return unknown
	})
}

func (p *lean) column(c *ColumnEdge) {
	p.object(func(key []byte) int {
		switch string(key) {
		case "field":
			c.Field = p.text()
			return 0
		case "from":
			p.name(&c.From)
			return 1
		case "fromField":
			c.FromField = p.text()
			return 2
		case "kind":
			c.Kind = p.text()
			return 3
		case "subtype":
			c.Subtype = p.text()
			return 4
		case "masking":
			c.Masking = p.yes()
			return 5
		}
		return unknown
	})
}
