package native

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"

	"github.com/annals-io/annals/ingest/foreign"
)

// A body names what happened by its member "type". The mutation ingestRunEvents has one member for each type instead,
// {"runStarted": {...}}; a line of NDJSON may have that form too, so that one event can be sent either way. It is
// written anew in the form with a type: both have one digest, and evidence points into one form.

// typed is an event whose body has the form of the mutation, in the form with a type; typ is what its member was. ok is
// false where it has another form.
func typed(doc *foreign.Doc) (event []byte, typ string, ok bool) {
	body := doc.Root().Get("body")
	if body.Kind() != foreign.Object || body.Len() != 1 {
		return nil, "", false
	}
	var facts foreign.Value
	for name, v := range body.Members() {
		typ, facts = name, v
	}
	if facts.Kind() != foreign.Object || !known(typ) || facts.Get("type").Kind() != foreign.Absent {
		return nil, "", false
	}
	var b bytes.Buffer
	b.WriteByte('{')
	for name, v := range doc.Root().Members() {
		key, err := json.Marshal(name)
		if err != nil {
			return nil, "", false
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.Write(key)
		b.WriteByte(':')
		if name != "body" {
			b.Write(v.Raw())
			continue
		}
		b.WriteString(`{"type":"` + typ + `"`)
		if facts.Len() > 0 {
			b.WriteByte(',')
		}
		b.Write(bytes.TrimPrefix(facts.Raw(), []byte("{")))
	}
	b.WriteByte('}')
	return b.Bytes(), typ, true
}

// known says whether native events have that type.
func known(typ string) bool {
	_, run := runPhases[typ]
	_, step := stepPhases[typ]
	switch typ {
	case "runNested", "artifactsConsumed", "artifactsProduced", "metricsLogged":
		return true
	}
	return run || step
}

// asSent gives a refusal the place that the value had in the form of the mutation.
func asSent(err error, typ string) error {
	var no *foreign.Refusal
	if !errors.As(err, &no) {
		return err
	}
	if rest, within := strings.CutPrefix(no.Path, "/body/"); within {
		moved := *no
		moved.Path, moved.Offset = "/body/"+typ+"/"+rest, -1
		return &moved
	}
	return err
}
