// Package relay writes and reads the two opaque words of the GraphQL API: global ids and cursors.
//
// A global id ([ID]) says what kind of thing it means, in which workspace, and its key there. A cursor ([Cursor])
// says behind which row of which list a page begins. Both are text for clients to hand back, not to look into;
// neither is secret, and whatever they say is checked again before it is used.
package relay

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
)

// A Kind is the kind of thing an id means, as the id's prefix spells it.
type Kind string

// The kinds. They are part of ids that clients keep: none is ever renamed.
const (
	Workspace       Kind = "ws"
	Pipeline        Kind = "pipe"
	PipelineVersion Kind = "pver"
	Run             Kind = "run"
	Step            Kind = "step"
	Artifact        Kind = "art"
	ArtifactVersion Kind = "aver"

	// What goes by a word: in an organization, or a workspace.
	Organization   Kind = "org"
	Role           Kind = "role"
	Team           Kind = "team"
	ServiceAccount Kind = "sa"
	Invitation     Kind = "inv"
)

// An ID is a thing of a workspace, or of an organization under the name by which read models know it. The key of a
// workspace itself is 0, the word of an organization itself is empty.
type ID struct {
	Kind Kind
	Slug string
	Key  int64  // of what is numbered
	Word string // of what goes by a word
}

// ErrNotID says that a text is no global id. It may still be a natural key.
var ErrNotID = errors.New("not a global id")

// maxID bounds what is looked at: the longest slug, key and word need less.
const maxID = 300

// String writes the id: the kind, an underscore, and slug and key or word in base64url.
func (i ID) String() string { return string(i.Append(nil)) }

// Append writes the id behind b.
func (i ID) Append(b []byte) []byte {
	room := make([]byte, 0, 96) // slugs are shorter
	inner := append(append(room, i.Slug...), ':')
	if i.Kind.ByWord() {
		inner = append(inner, i.Word...)
	} else {
		inner = strconv.AppendInt(inner, i.Key, 36)
	}
	b = append(append(b, i.Kind...), '_')
	return base64.RawURLEncoding.AppendEncode(b, inner)
}

// ParseID reads what String wrote, and nothing else: one thing has one id.
func ParseID(s string) (ID, error) {
	kind, body, ok := strings.Cut(s, "_")
	if !ok || len(s) > maxID || !known(Kind(kind)) {
		return ID{}, ErrNotID
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(body)
	if err != nil {
		return ID{}, ErrNotID
	}
	slug, rest, ok := strings.Cut(string(raw), ":")
	if !ok || slug == "" {
		return ID{}, ErrNotID
	}
	if Kind(kind).ByWord() {
		return ID{Kind: Kind(kind), Slug: slug, Word: rest}, nil
	}
	key, err := strconv.ParseInt(rest, 36, 64)
	id := ID{Kind: Kind(kind), Slug: slug, Key: key}
	if err != nil || key < 0 || id.String() != s {
		return ID{}, ErrNotID
	}
	return id, nil
}

func known(k Kind) bool {
	switch k {
	case Workspace, Pipeline, PipelineVersion, Run, Step, Artifact, ArtifactVersion:
		return true
	}
	return k.ByWord()
}

// ByWord says whether things of the kind go by a word, not by a number.
func (k Kind) ByWord() bool {
	switch k {
	case Organization, Role, Team, ServiceAccount, Invitation:
		return true
	}
	return false
}
