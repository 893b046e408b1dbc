package checkpoint

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A Checkpoint is what an instance once signed of a tree: so many leaves, that root.
type Checkpoint struct {
	Origin string
	Size   int64
	Root   tlog.Hash
	Note   []byte // the signed note, byte for byte
}

// Tree is the checkpoint as x/mod's proofs take it.
func (c Checkpoint) Tree() tlog.Tree { return tlog.Tree{N: c.Size, Hash: c.Root} }

// text is what is signed.
func text(origin string, size int64, root tlog.Hash) string {
	return origin + "\n" + strconv.FormatInt(size, 10) + "\n" + base64.StdEncoding.EncodeToString(root[:]) + "\n"
}

// ErrSignature says that a note is not signed by a key that was given.
var ErrSignature = errors.New("it is not signed by this key")

// Open reads a signed checkpoint of any tree of an instance, and refuses one that none of the keys has signed: the keys of
// one instance, of which it may have had several.
func Open(signed []byte, keys ...Key) (Checkpoint, error) {
	c, err := Read(signed)
	if err != nil {
		return c, err
	}
	var known []note.Verifier
	for _, k := range keys {
		if name, ok := k.Tree(c.Origin); ok && name != "" {
			known = append(known, verifier{k.Of(name)})
		}
	}
	if _, err := note.Open(signed, note.VerifierList(known...)); err != nil || !canonical(signed) {
		return c, fmt.Errorf("the checkpoint of %s at %d: %w", c.Origin, c.Size, ErrSignature)
	}
	return c, nil
}

// canonical says whether every signature is written in the one way there is: the last character of Base64 has bits that
// nobody reads, and two notes that say the same must not differ.
func canonical(signed []byte) bool {
	_, signatures, _ := strings.Cut(string(signed), "\n\n")
	for line := range strings.SplitSeq(strings.TrimSuffix(signatures, "\n"), "\n") {
		_, encoded, _ := strings.Cut(strings.TrimPrefix(line, "\u2014 "), " ")
		if _, err := base64.StdEncoding.Strict().DecodeString(encoded); err != nil {
			return false
		}
	}
	return true
}

// Read reads a checkpoint without looking at who signed it.
func Read(signed []byte) (c Checkpoint, err error) {
	body, _, ok := strings.Cut(string(signed), "\n\n")
	lines := strings.Split(body, "\n")
	if !ok || len(lines) < 3 || lines[0] == "" {
		return c, errors.New("this is no checkpoint: it has the name of a tree, a number and a hash, then an empty line and signatures")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return c, fmt.Errorf("this is no checkpoint: %q is no number of leaves", lines[1])
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return c, fmt.Errorf("this is no checkpoint: %q is no root", lines[2])
	}
	return Checkpoint{Origin: lines[0], Size: size, Root: tlog.Hash(root), Note: signed}, nil
}

// Split cuts a text of several signed notes, each ended by an empty line or by the end of the text, into the notes. A note
// is its text, an empty line, and lines that begin with a dash.
func Split(text []byte) (notes [][]byte) {
	var one []byte
	signatures := false
	for line := range strings.Lines(string(text)) {
		signed := strings.HasPrefix(line, "\u2014 ")
		if signatures && !signed {
			notes, one, signatures = append(notes, one), nil, false
		}
		if len(one) == 0 && line == "\n" {
			continue
		}
		one, signatures = append(one, line...), signed
	}
	if len(one) > 0 {
		notes = append(notes, one)
	}
	return notes
}
