package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// A Tie shows that a checkpoint of a stream is a leaf of the instance's tree: a history that was dropped whole, and made
// anew, is missed there.
type Tie struct {
	Checkpoint []byte // the signed note, which is the leaf
	Proof      Proof  // by the instance's tree
}

// tieLine is a tie as a line of an export's instance.ndjson.
type tieLine struct {
	Checkpoint string `json:"checkpoint"`
	Proof      string `json:"proof"`
}

// Line is the tie in one line of JSON, without the line feed.
func (t Tie) Line() []byte {
	b, _ := json.Marshal(tieLine{string(t.Checkpoint), string(t.Proof.Bytes())}) // two strings
	return b
}

// ParseTie reads what [Tie.Line] wrote.
func ParseTie(line []byte) (t Tie, err error) {
	var l tieLine
	if err := json.Unmarshal(line, &l); err != nil || l.Checkpoint == "" {
		return t, errors.New("this does not tie a checkpoint to the instance's log")
	}
	if t.Proof, err = ParseProof([]byte(l.Proof)); err != nil {
		return t, fmt.Errorf("what ties a checkpoint to the instance's log: %w", err)
	}
	t.Checkpoint = []byte(l.Checkpoint)
	return t, nil
}

// Fits says whether the tie is what it claims to be, whoever signed it: that a checkpoint of that tree is a leaf of the
// instance's tree. It answers the checkpoint of the latter.
func (t Tie) Fits(instance, tree string) (Checkpoint, error) {
	of, err := Read(t.Checkpoint)
	if err != nil {
		return of, err
	}
	if of.Origin != instance+"/"+tree {
		return of, errors.New("it is about " + of.Origin)
	}
	c, err := Read(t.Proof.Checkpoint)
	if err != nil {
		return c, err
	}
	if c.Origin != instance+"/"+InstanceLog {
		return c, errors.New("it is by the tree of " + c.Origin + ", which is not the instance's")
	}
	return c, t.Proof.fits(tlog.RecordHash(t.Checkpoint), c)
}

// Check is [Tie.Fits] for who has the keys: both checkpoints are signed by one of them.
func (t Tie) Check(instance, tree string, keys ...Key) (Checkpoint, error) {
	for _, signed := range [][]byte{t.Checkpoint, t.Proof.Checkpoint} {
		if c, err := Open(signed, keys...); err != nil {
			return c, err
		}
	}
	return t.Fits(instance, tree)
}
