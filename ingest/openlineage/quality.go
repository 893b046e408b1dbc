package openlineage

import "time"

// Statistics say how much was read or written; nil is not known.
type Statistics struct {
	Rows  *int64
	Bytes *int64
	Files *int64
}

// Metrics are what was measured of a dataset.
type Metrics struct {
	Statistics
	LastUpdated time.Time
	Columns     []ColumnMetrics
}

// ColumnMetrics are what was measured of a column. Numbers are as they were written, "" where there is none.
type ColumnMetrics struct {
	Column    string
	Nulls     *int64
	Distinct  *int64
	Sum       string
	Count     string
	Min       string
	Max       string
	Quantiles []Quantile
}

// A Quantile is the value below which a part of the rows lies.
type Quantile struct {
	Part  string // "0.25"
	Value string
}

// An Assertion is an expectation of a dataset, and whether it was met.
type Assertion struct {
	Assertion   string // not_null, unique, ...
	Name        string
	Column      string
	Severity    string
	Success     *bool // nil where the producer did not say
	Description Text
	Expected    string
	Actual      string
}

// measure reads the facets that say how much and how good.
func (d *Dataset) measure(name string, o object) bool {
	switch name {
	case "inputStatistics":
		d.Read = &Statistics{o.whole("rowCount"), o.whole("size"), o.whole("fileCount")}
	case "outputStatistics":
		d.Written = &Statistics{o.whole("rowCount"), o.whole("size"), o.whole("fileCount")}
	case "dataQualityMetrics":
		d.Metrics = metrics(o)
	case "dataQualityAssertions":
		for a := range o.list("assertions") {
			d.Assertions = append(d.Assertions, Assertion{a.text("assertion"), a.text("name"), a.text("column"), a.text("severity"),
				a.truth("success"), a.ref("description"), a.scalar("expected"), a.scalar("actual")})
		}
	default:
		return false
	}
	return true
}

func metrics(o object) *Metrics {
	m := &Metrics{Statistics: Statistics{o.whole("rowCount"), o.whole("bytes"), o.whole("fileCount")}, LastUpdated: o.time("lastUpdated")}
	for column, c := range o.each("columnMetrics") {
		cm := ColumnMetrics{Column: column, Nulls: c.whole("nullCount"), Distinct: c.whole("distinctCount"),
			Sum: c.number("sum"), Count: c.number("count"), Min: c.number("min"), Max: c.number("max")}
		for part := range c.get("quantiles").v.Members() {
			if value := c.get("quantiles").number(part); value != "" {
				cm.Quantiles = append(cm.Quantiles, Quantile{part, value})
			}
		}
		m.Columns = append(m.Columns, cm)
	}
	return m
}
