package replay_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"

	"github.com/annals-io/annals/audit/replay"
)

// What CloudEvents 1.0 says of attributes: their names, and what there must be.
var (
	attribute = regexp.MustCompile(`^[a-z0-9]{1,20}$`)
	required  = []string{"specversion", "id", "source", "type"}
)

// cloudFault is what is wrong with an event in the JSON format of CloudEvents 1.0, by its sections 2 and 3 and those on types
// and attributes of the specification itself; empty: nothing is.
func cloudFault(line []byte) string {
	var e map[string]any
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	if err := d.Decode(&e); err != nil {
		return err.Error()
	}
	for _, name := range required {
		if s, ok := e[name].(string); !ok || s == "" {
			return "no " + name
		}
	}
	if e["specversion"] != "1.0" {
		return "another version"
	}
	for name, v := range e {
		if name == "data" {
			continue
		}
		if !attribute.MatchString(name) || name == "data_base64" {
			return "an attribute is called " + name
		}
		switch v := v.(type) {
		case bool:
		case json.Number:
			if n, err := v.Int64(); err != nil || n != int64(int32(n)) {
				return fmt.Sprintf("%s is %s, which is no 32-bit integer", name, v)
			}
		case string:
			if i := strings.IndexFunc(v, func(r rune) bool { return unicode.IsControl(r) || r&0xFFFE == 0xFFFE || r >= 0xFDD0 && r <= 0xFDEF }); i >= 0 {
				return fmt.Sprintf("%s has a character that no attribute has: %q", name, v)
			}
			if v == "" {
				return name + " is empty"
			}
		default:
			return fmt.Sprintf("%s is %v, which is no value of an attribute", name, v)
		}
	}
	if _, err := url.Parse(e["source"].(string)); err != nil {
		return err.Error()
	}
	if s, ok := e["datacontenttype"].(string); ok {
		if kind, _, err := mime.ParseMediaType(s); err != nil || kind != "application/json" {
			return "data of the type " + s
		}
	}
	for _, name := range []string{"time", "recordedtime"} {
		if _, err := time.Parse(time.RFC3339Nano, e[name].(string)); err != nil {
			return err.Error()
		}
	}
	return ""
}

// Whatever stands in an event, it is printed as a CloudEvent that others can read.
func TestCloudEventsAreThoseOfTheSpecification(t *testing.T) {
	t.Parallel()
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"two\nlines", "a\ttab", "bell\a", "\u0085", "\uFFFE", "\U0001FFFF", "\uFDD0", "<b>&\"", "\xff"}))
	rapid.Check(t, func(r *rapid.T) {
		e := replay.Entry{
			Revision: rapid.Int64Min(0).Draw(r, "revision"), ID: "b4605aa7-01df-592b-b8f0-a4e27c8fddc1", Type: "run." + text.Draw(r, "type"), SchemaVersion: rapid.IntRange(1, 1<<15).Draw(r, "version"),
			RecordedAt: noon, OccurredAt: noon.Add(time.Duration(rapid.Int64().Draw(r, "before"))), Subject: replay.Subject{Kind: "run", ID: text.Draw(r, "subject")}, Actor: replay.By{Kind: rapid.SampledFrom([]string{"", "key"}).Draw(r, "by"), ID: text.Draw(r, "actor")},
			Reason: text.Draw(r, "reason"), CommandID: text.Draw(r, "command"), CorrelationID: text.Draw(r, "correlation"), Data: json.RawMessage(`{"a":"\u0001"}`),
		}
		var out bytes.Buffer
		if err := (&replay.Printer{W: &out, Form: replay.CloudEvents, Source: "http://127.0.0.1/workspaces/lab"}).Print(&e); err != nil {
			r.Fatal(err)
		}
		if fault := cloudFault(out.Bytes()); fault != "" || strings.Count(out.String(), "\n") != 1 {
			r.Fatalf("%s: %s", fault, out.String())
		}
	})
}

// The check above finds what is none.
func TestWhatIsNoCloudEvent(t *testing.T) {
	t.Parallel()
	good := `{"specversion":"1.0","id":"1","source":"urn:x","type":"t","time":"2026-03-01T12:00:00Z","recordedtime":"2026-03-01T12:00:00Z"}`
	if fault := cloudFault([]byte(good)); fault != "" {
		t.Fatal(fault)
	}
	for old, with := range map[string]string{
		`"1.0"`: `"0.3"`, `"id":"1"`: `"id":""`, `"source":"urn:x",`: ``, `"type":"t"`: `"type":"t","sub_ject":"x"`, `"t",`: `"t","n":4294967296,`, `"t",t`: `"t","o":{},`, `:"t"`: `:"t","reason":"a\nb"`, `2026-03`: `2026-13`,
	} {
		if old == `"t",t` {
			old = `"t",`
		}
		if bad := strings.Replace(good, old, with, 1); cloudFault([]byte(bad)) == "" {
			t.Errorf("it is taken for one: %s", bad)
		}
	}
}
