// Package checkpoint signs and reads what an instance says of its history: checkpoints and receipts, in the formats of
// C2SP (c2sp.org/tlog-checkpoint, c2sp.org/tlog-proof, c2sp.org/signed-note), so that tools which are not ours read them too.
//
// An instance has one Ed25519 key and a name. Each stream has a tree, and the instance one more, of the checkpoints of all
// streams. The origin of a tree is "<instance>/<stream>" or "<instance>/instance"; its checkpoints are signed under that
// very name, as the format wants it, by the one key: the verifier key of any tree follows from that of the instance
// ([Key.Of]), which is all that an auditor has to be given.
package checkpoint

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// InstanceLog is the name of the tree of all checkpoints; no stream is called so.
const InstanceLog = "instance"

// algEd25519 marks the kind of a key in signed notes.
const algEd25519 = 1

// A Key is what an auditor checks an instance's signatures by.
type Key struct {
	Name   string // of the instance, or the origin of one tree
	public ed25519.PublicKey
}

// ParseKey reads a verifier key as `annals audit key` prints it: NAME+HASH+KEY.
func ParseKey(text string) (Key, error) {
	name, rest, _ := strings.Cut(strings.TrimSpace(text), "+")
	hash, encoded, ok := strings.Cut(rest, "+")
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || !isName(name) || len(raw) != 1+ed25519.PublicKeySize || raw[0] != algEd25519 {
		return Key{}, errors.New("this is no verifier key: it looks like NAME+12345678+AbCd…")
	}
	k := Key{name, ed25519.PublicKey(raw[1:])}
	if fmt.Sprintf("%08x", k.hash()) != hash {
		return Key{}, errors.New("this verifier key is damaged: its parts do not belong together")
	}
	return k, nil
}

// isName says whether signed notes take a name.
func isName(name string) bool {
	return name != "" && utf8.ValidString(name) && !strings.Contains(name, "+") && !strings.ContainsFunc(name, unicode.IsSpace)
}

// String is the verifier key as it is given to auditors.
func (k Key) String() string {
	return fmt.Sprintf("%s+%08x+%s", k.Name, k.hash(), base64.StdEncoding.EncodeToString(append([]byte{algEd25519}, k.public...)))
}

// Of is the verifier key of one tree of the instance.
func (k Key) Of(tree string) Key { return Key{k.Origin(tree), k.public} }

// Origin names one tree of the instance.
func (k Key) Origin(tree string) string { return k.Name + "/" + tree }

// Tree is the name of the tree of an origin of this instance.
func (k Key) Tree(origin string) (tree string, ok bool) { return strings.CutPrefix(origin, k.Name+"/") }

// hash is the id of the key in signed notes.
func (k Key) hash() uint32 {
	h := sha256.New()
	h.Write([]byte(k.Name + "\n"))
	h.Write([]byte{algEd25519})
	h.Write(k.public)
	return binary.BigEndian.Uint32(h.Sum(nil))
}

// verifier is the key as notes take it.
type verifier struct{ Key }

func (v verifier) Name() string    { return v.Key.Name }
func (v verifier) KeyHash() uint32 { return v.hash() }
func (v verifier) Verify(msg, sig []byte) bool {
	return len(sig) == ed25519.SignatureSize && ed25519.Verify(v.public, msg, sig)
}
