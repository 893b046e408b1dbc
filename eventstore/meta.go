package eventstore

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/annals-io/annals/domain"
)

// EncodeMeta is the metadata as it is stored: the JSON that [domain.Meta] describes, without escapes for HTML. The
// fields that nearly every event has are written by hand, since this is done for every command; a test holds it to
// what encoding/json writes.
func EncodeMeta(m domain.Meta) ([]byte, error) {
	if m.CausationID != nil || len(m.Warnings) > 0 || len(m.Redacted) > 0 {
		return encodeJSON(m)
	}
	b := append(make([]byte, 0, 320), '{')
	var err error
	if m.Actor != (domain.Actor{}) {
		b = append(b, `"actor":{"kind":`...)
		b, err = appendString(b, m.Actor.Kind, err)
		b = append(b, `,"id":`...)
		b, err = appendString(b, m.Actor.ID, err)
		b, err = appendField(b, "key", m.Actor.Key, err)
		b = append(b, '}')
	}
	b, err = appendField(b, "command", m.CommandID, err)
	if m.RequestDigest != (domain.Digest{}) {
		b = appendDigest(appendKey(b, "digest"), m.RequestDigest)
	}
	b, err = appendField(b, "correlation", m.CorrelationID, err)
	b, err = appendField(b, "reason", m.Reason, err)
	if m.Evidence != nil {
		b = appendDigest(appendKey(b, "evidence"), *m.Evidence)
	}
	b, err = appendField(b, "producer", m.Producer, err)
	return append(b, '}'), err
}

func appendKey(b []byte, key string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = append(append(b, '"'), key...)
	return append(b, `":`...)
}

func appendField(b []byte, key, value string, err error) ([]byte, error) {
	if value == "" {
		return b, err
	}
	return appendString(appendKey(b, key), value, err)
}

func appendDigest(b []byte, d domain.Digest) []byte {
	b = append(b, '"')
	b = hex.AppendEncode(b, d[:])
	return append(b, '"')
}

// appendString writes plain text as it is and leaves the rest to encoding/json.
func appendString(b []byte, s string, err error) ([]byte, error) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			quoted, failed := encodeJSON(s)
			if failed != nil {
				err = failed
			}
			return append(b, quoted...), err
		}
	}
	b = append(append(b, '"'), s...)
	return append(b, '"'), err
}

func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode metadata: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
