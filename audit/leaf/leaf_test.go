package leaf_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/google/uuid"

	"github.com/annals-io/annals/audit/leaf"
	"github.com/annals-io/annals/domain"
)

func sample() leaf.Event {
	return leaf.Event{
		Stream: "workspace-fraud", Revision: 7, EventID: uuid.MustParse("0190a2a0-0000-7000-8000-000000000009"), Type: "run.started", Version: 2,
		RecordedAt: 1_772_366_400_000_001, OccurredAt: -1, SubjectKind: "run", SubjectID: uuid.MustParse("9d1b0c6e-7f55-5a0e-8f0e-0a4f4d2a9c11"),
		Data: []byte(`{"run":"r1"}`), Meta: []byte(`{}`),
	}
}

// The bytes of a leaf never change: receipts and checkpoints of years hang on them.
func TestTheFormIsPinned(t *testing.T) {
	t.Parallel()
	e := sample()
	const want = "0000000e616e6e616c732d6c6561662d76310000000f776f726b73706163652d66726175640000000000000007" +
		"0190a2a0000070008000000000000009" + "0000000b72756e2e737461727465640000000000000002" + "00064bf535af1001" + "ffffffffffffffff" + "0000000372756e" +
		"9d1b0c6e7f555a0e8f0e0a4f4d2a9c11"
	data, meta := sha256.Sum256(e.Data), sha256.Sum256(e.Meta)
	got := hex.EncodeToString(e.Append(nil))
	if got != want+hex.EncodeToString(data[:])+hex.EncodeToString(meta[:]) {
		t.Errorf("the leaf is\n%s\nwant\n%s and the digests", got, want)
	}
	if h, again := e.Hash(), sha256.Sum256(append([]byte{0}, e.Append(nil)...)); h != again {
		t.Errorf("its hash is %x, want that of RFC 6962, %x", h, again)
	}
}

func TestEveryFieldIsSealed(t *testing.T) {
	t.Parallel()
	whole := sample()
	for name, change := range map[string]func(*leaf.Event){
		"stream": func(e *leaf.Event) { e.Stream = "workspace-fraus" }, "revision": func(e *leaf.Event) { e.Revision++ },
		"id": func(e *leaf.Event) { e.EventID[15] ^= 1 }, "type": func(e *leaf.Event) { e.Type = "run.ended" },
		"version": func(e *leaf.Event) { e.Version++ }, "recorded": func(e *leaf.Event) { e.RecordedAt++ }, "occurred": func(e *leaf.Event) { e.OccurredAt++ },
		"kind": func(e *leaf.Event) { e.SubjectKind = "step" }, "subject": func(e *leaf.Event) { e.SubjectID[0] ^= 0x80 },
		"data": func(e *leaf.Event) { e.Data = []byte(`{"run":"r2"}`) }, "meta": func(e *leaf.Event) { e.Meta = []byte(`{ }`) },
		// What one field loses and its neighbour gains.
		"border": func(e *leaf.Event) { e.Type, e.SubjectKind = e.Type+"r", "un" },
	} {
		changed := sample()
		change(&changed)
		if changed.Hash() == whole.Hash() {
			t.Errorf("%s: a change of it leaves the hash as it was", name)
		}
	}
}

func TestAStoredEventComesBack(t *testing.T) {
	t.Parallel()
	e := sample()
	stored := e.Stored(domain.Stream(e.Stream))
	if back := leaf.Of(&stored); back.Hash() != e.Hash() {
		t.Errorf("%+v came back as %+v", e, back)
	}
}

// What Parse reads is what Append wrote, and nothing else.
func FuzzParse(f *testing.F) {
	e := sample()
	f.Add(e.Append(nil))
	f.Add([]byte("annals"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := leaf.Parse(b)
		if err != nil {
			return
		}
		if again := s.AppendDigests(nil, s.DataDigest, s.MetaDigest); !bytes.Equal(again, b) {
			t.Fatalf("%x was read, and would be written as %x", b, again)
		}
	})
}
