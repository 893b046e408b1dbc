package read

import "strings"

// ParseSort reads an order of runs: created, started, ended, duration, params.NAME, metadata.NAME, metrics.NAME (or
// min(metrics.NAME)), with - before it for descending. Its errors are *WhereError.
func ParseSort(text string) (RunOrder, error) {
	trimmed := strings.TrimLeft(text, blanks)
	descending := strings.HasPrefix(trimmed, "-")
	skip := len(text) - len(trimmed)
	if descending || strings.HasPrefix(trimmed, "+") {
		skip++
	}
	p, err := parse(text, skip)
	if err != nil {
		return RunOrder{}, err
	}
	o, err := p.order()
	o.Ascending = !descending
	if err == nil && p.now.kind != endOfText {
		err = p.fail(p.now.at, "one field is enough")
	}
	if err != nil {
		return RunOrder{}, err
	}
	return o, nil
}

func (p *whereParser) order() (o RunOrder, err error) {
	field := p.now
	if of := Aggregate(strings.ToLower(field.text)); field.kind == word && (of == Min || of == Max || of == Last) {
		if field, err = p.inBrackets(); err != nil {
			return o, err
		}
		o.Of = of
	}
	if field.kind != word {
		return o, p.fail(field.at, "expected a field, such as created or -metrics.NAME")
	}
	space, name, named := strings.Cut(field.text, ".")
	kind, known := spaces[strings.ToLower(space)]
	by, plain := map[string]OrderBy{"created": ByCreated, "started": ByStarted, "ended": ByEnded, "duration": ByDuration}[strings.ToLower(field.text)]
	switch {
	case plain && o.Of == "":
		o.By = by
	case named && known && kind != Tags && name != "" && (o.Of == "" || kind == Metrics):
		o.By, o.Name = map[Space]OrderBy{Parameters: ByParameter, Metadata: ByMetadata, Metrics: ByMetric}[kind], name
	default:
		return o, p.fail(field.at, "runs are not sorted by %q: by created, started, ended, duration, params.NAME, metadata.NAME or metrics.NAME", field.text)
	}
	return o, p.advance()
}
