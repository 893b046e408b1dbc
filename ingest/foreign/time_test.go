package foreign

import (
	"testing"
	"time"
)

func TestParseTime(t *testing.T) {
	t.Parallel()
	at := func(nano int) time.Time { return time.Date(2026, 3, 1, 12, 30, 15, nano, time.UTC) }
	for text, want := range map[string]struct {
		at   time.Time
		zone bool
	}{
		"2026-03-01T12:30:15Z":                   {at(0), true},
		"2026-03-01t12:30:15z":                   {at(0), true},
		"2026-03-01 12:30:15Z":                   {at(0), true},
		"2026-03-01T12:30:15.46Z":                {at(460_000_000), true},
		"2026-03-01T12:30:15.453Z":               {at(453_000_000), true},
		"2026-03-01T12:30:15,5Z":                 {at(500_000_000), true},
		"2026-03-01T12:30:15.123456789123Z":      {at(123_456_789), true},
		"2026-03-01T14:30:15+02:00":              {at(0), true},
		"2026-03-01T14:30:15+0200":               {at(0), true},
		"2026-03-01T14:30:15+02":                 {at(0), true},
		"2026-03-01T07:00:15.000001-05:30":       {at(1_000), true},
		"2026-03-01T12:30:15":                    {at(0), false},
		"2026-03-01T12:30:15.5":                  {at(500_000_000), false},
		"2026-03-01T12:30":                       {time.Date(2026, 3, 1, 12, 30, 0, 0, time.UTC), false},
		"2026-03-01T12:30Z":                      {time.Date(2026, 3, 1, 12, 30, 0, 0, time.UTC), true},
		"2016-12-31T23:59:60Z":                   {time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC), true},
		"2024-02-29T00:00:00Z":                   {time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC), true},
		"2026-01-01T00:00:00+01:00":              {time.Date(2025, 12, 31, 23, 0, 0, 0, time.UTC), true},
		"2026-03-01T12:30:15.000000000000000009": {at(0), false},
	} {
		if got, zone, ok := ParseTime(text); !ok || !got.Equal(want.at) || zone != want.zone || got.Location() != time.UTC {
			t.Errorf("%s: %v, zone %v, %v; want %v, zone %v", text, got, zone, ok, want.at, want.zone)
		}
	}
	for _, text := range []string{
		"", "yesterday", "2026-03-01", "2026-03-01T", "2026-03-01T12", "2026-3-1T12:30:15Z", "2026-02-30T00:00:00Z", "2025-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
		"2026-03-00T00:00:00Z", "2026-03-01T24:00:00Z", "2026-03-01T12:60:00Z", "2026-03-01T12:30:61Z", "2026-03-01T12:30:15.Z", "2026-03-01T12:30:15+24:00", "2026-03-01T12:30:15+02:60",
		"2026-03-01T12:30:15+2", "2026-03-01T12:30:15 Z", "2026-03-01T12:30:15Zulu", "2026-03-01T12:30:15Z ", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:60Z",
		"2026-03-01x12:30:15Z", "2026/03/01T12:30:15Z", "1772368215", "2026-03-01T12:3a:15Z", "2026-03-01T12:30:15\x00Z",
	} {
		if got, _, ok := ParseTime(text); ok {
			t.Errorf("%q is no time, and was read as %v", text, got)
		}
	}
}

// What is read as a time is one that can be kept: it is written and read again as the same, and where the standard
// library reads the text too, both read the same moment.
func FuzzParseTime(f *testing.F) {
	for _, seed := range []string{
		"2026-03-01T12:30:15Z", "2026-03-01 12:30:15.46+0200", "2026-03-01T12:30", "2016-12-31T23:59:60Z", "2026-03-01T12:30:15,5-05:30", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59.999999999-23:59", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, zone, ok := ParseTime(text)
		if !ok {
			return
		}
		if at.Year() < 1 || at.Year() > 9999 {
			t.Fatalf("%q: the year %d cannot be written", text, at.Year())
		}
		if again, withZone, ok := ParseTime(at.Format(time.RFC3339Nano)); !ok || !withZone || !again.Equal(at) {
			t.Fatalf("%q: %v was read again as %v", text, at, again)
		}
		if std, err := time.Parse(time.RFC3339Nano, text); err == nil && zone && !std.Equal(at) {
			t.Fatalf("%q: %v, and the standard library reads %v", text, at, std)
		}
	})
}
