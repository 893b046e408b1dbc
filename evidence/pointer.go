package evidence

import (
	"encoding/json"
	"strconv"
	"strings"
)

var (
	escape   = strings.NewReplacer("~", "~0", "/", "~1")
	unescape = strings.NewReplacer("~1", "/", "~0", "~")
)

// Pointer is the JSON pointer (RFC 6901) that goes down through those member names and array indexes.
func Pointer(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteByte('/')
		escape.WriteString(&b, p)
	}
	return b.String()
}

// Text reads the place of a body that the pointer names: a JSON string without its quotes, any other value as it is
// written. The empty pointer is the whole body, which need not be JSON. ok is false where there is no such place,
// and for null: nothing was said there.
func Text(body []byte, pointer string) (text string, ok bool) {
	if pointer == "" {
		return string(body), true
	}
	at, ok := find(body, pointer)
	if !ok || string(at) == "null" {
		return "", false
	}
	if at[0] != '"' {
		return string(at), true
	}
	if json.Unmarshal(at, &text) != nil {
		return "", false
	}
	return text, true
}

// find goes down level by level. Each level is scanned once more than it must be; bodies are small and pointers
// short, and nothing is decoded that the pointer does not go through.
func find(value json.RawMessage, pointer string) (json.RawMessage, bool) {
	rest, ok := strings.CutPrefix(pointer, "/")
	if !ok {
		return nil, false
	}
	for part := range strings.SplitSeq(rest, "/") {
		if value, ok = child(value, unescape.Replace(part)); !ok {
			return nil, false
		}
	}
	return value, true
}

func child(value json.RawMessage, part string) (json.RawMessage, bool) {
	if len(value) == 0 {
		return nil, false
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(value, &members) == nil && members != nil {
		v, ok := members[part]
		return v, ok
	}
	var items []json.RawMessage
	if json.Unmarshal(value, &items) != nil {
		return nil, false
	}
	i, err := strconv.Atoi(part)
	if err != nil || i < 0 || i >= len(items) || strconv.Itoa(i) != part {
		return nil, false // "-", "01" and what is no number name nothing
	}
	return items[i], true
}
