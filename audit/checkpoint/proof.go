package checkpoint

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// A Proof shows that a leaf is in a tree that was signed (c2sp.org/tlog-proof). Extra is the leaf itself, so that the
// receipt of an event stands by itself; it may be empty.
type Proof struct {
	Index      int64
	Extra      []byte
	Hashes     tlog.RecordProof
	Checkpoint []byte // the signed note
}

const proofHeader = "c2sp.org/tlog-proof@v1"

// Bytes is the proof as it is kept, in a file whose name ends with ".tlog-proof".
func (p Proof) Bytes() []byte {
	var b bytes.Buffer
	b.WriteString(proofHeader + "\n")
	if len(p.Extra) > 0 {
		fmt.Fprintf(&b, "extra %s\n", base64.StdEncoding.EncodeToString(p.Extra))
	}
	fmt.Fprintf(&b, "index %d\n", p.Index)
	for _, h := range p.Hashes {
		fmt.Fprintf(&b, "%s\n", base64.StdEncoding.EncodeToString(h[:]))
	}
	b.WriteByte('\n')
	b.Write(p.Checkpoint)
	return b.Bytes()
}

// ParseProof reads what [Proof.Bytes] wrote, and nothing else.
func ParseProof(b []byte) (p Proof, err error) {
	bad := func(what string) (Proof, error) { return Proof{}, errors.New("this is no receipt: " + what) }
	head, signed, ok := strings.Cut(string(b), "\n\n")
	lines := strings.Split(head, "\n")
	if !ok || lines[0] != proofHeader {
		return bad("it does not begin with " + proofHeader)
	}
	lines = lines[1:]
	encoding := base64.StdEncoding.Strict()
	if len(lines) > 0 && strings.HasPrefix(lines[0], "extra ") {
		if p.Extra, err = encoding.DecodeString(lines[0][len("extra "):]); err != nil || len(p.Extra) == 0 {
			return bad("its leaf cannot be read")
		}
		lines = lines[1:]
	}
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "index ") {
		return bad("it does not say which leaf it is about")
	}
	number := lines[0][len("index "):]
	if p.Index, err = strconv.ParseInt(number, 10, 64); err != nil || p.Index < 0 || strconv.FormatInt(p.Index, 10) != number {
		return bad(fmt.Sprintf("%q is no index of a leaf", number))
	}
	for _, line := range lines[1:] {
		h, err := encoding.DecodeString(line)
		if err != nil || len(h) != tlog.HashSize {
			return bad(fmt.Sprintf("%q is no hash", line))
		}
		p.Hashes = append(p.Hashes, tlog.Hash(h))
	}
	p.Checkpoint = []byte(signed)
	if !bytes.Equal(p.Bytes(), b) {
		return bad("it is not in its one form")
	}
	return p, nil
}

// Check answers the checkpoint that the proof hangs on, once it is signed by one of the keys and the leaf is in its tree.
func (p Proof) Check(leaf tlog.Hash, keys ...Key) (Checkpoint, error) {
	c, err := Open(p.Checkpoint, keys...)
	if err != nil {
		return c, err
	}
	return c, p.fits(leaf, c)
}

// fits says whether the leaf is in the tree of a checkpoint.
func (p Proof) fits(leaf tlog.Hash, c Checkpoint) error {
	if p.Index >= c.Size {
		return fmt.Errorf("leaf %d is not in a tree of %d leaves", p.Index, c.Size)
	}
	if err := tlog.CheckRecord(p.Hashes, c.Size, c.Root, p.Index, leaf); err != nil {
		return fmt.Errorf("leaf %d is not in the tree that %s had at %d leaves", p.Index, c.Origin, c.Size)
	}
	return nil
}
