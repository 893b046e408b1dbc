package eventstore_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

func FuzzMeta(f *testing.F) {
	f.Add("key", "k1", "c-1", "", "why <b>", "https://example.org/é", byte(0))
	f.Add("", "", "", "corr", "a \"quoted\" \\ reason\n", "\x00\x7f\xff", byte(0xff))
	f.Fuzz(func(t *testing.T, kind, id, command, correlation, reason, producer string, bits byte) {
		m := domain.Meta{Actor: domain.Actor{Kind: kind, ID: id}, CommandID: command, CorrelationID: correlation, Reason: reason, Producer: producer}
		m.RequestDigest[3] = bits & 1
		if bits&2 != 0 {
			m.Evidence = &domain.Digest{bits}
		}
		if bits&4 != 0 {
			m.CausationID = &uuid.UUID{bits}
		}
		if bits&8 != 0 {
			m.Warnings = []string{reason}
		}
		if bits&16 != 0 {
			m.Redacted = []domain.Redacted{{Path: kind, Rule: id}}
		}
		got, err := eventstore.EncodeMeta(m)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(m); err != nil {
			t.Fatal(err)
		}
		if want := bytes.TrimSpace(b.Bytes()); !bytes.Equal(got, want) {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}
