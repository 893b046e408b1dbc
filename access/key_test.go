package access

import (
	"bytes"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
)

func minted(t testing.TB, kind Kind) (string, Key) {
	t.Helper()
	text, key, err := Mint(kind, rand.Reader)
	if err != nil {
		t.Fatalf("Mint: %v", err)
	}
	return text, key
}

func TestMintedKeysAreParsed(t *testing.T) {
	t.Parallel()
	for _, kind := range Kinds {
		text, key := minted(t, kind)
		again, err := Parse(text)
		if err != nil || again != key || again.Kind != kind || len(again.ID) != idLength {
			t.Errorf("Parse(%s…) = %+v, %v; want %+v", kind, again, err, key)
		}
		if want := len("annals_") + len(kind) + 1 + 12 + 1 + 43 + 6; len(text) != want {
			t.Errorf("a key of kind %s has %d characters, want %d", kind, len(text), want)
		}
	}
}

// The smallest and the largest secret both fill their 43 digits.
func TestSecretsOfAnySizeHaveOneLength(t *testing.T) {
	t.Parallel()
	for name, b := range map[string]byte{"zeros": 0, "ones": 0xff} {
		random := bytes.NewReader(append(bytes.Repeat([]byte{b}, 32), bytes.Repeat([]byte{7}, 64)...))
		text, _, err := Mint(Service, random)
		if err != nil || len(text) != len("annals_sa_")+12+1+49 {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
}

func TestWhatIsNoKeyIsRefused(t *testing.T) {
	t.Parallel()
	text, _ := minted(t, Service)
	bad := map[string]string{
		"empty": "", "another brand": "github" + text[6:], "unknown kind": strings.Replace(text, "_sa_", "_xx_", 1),
		"another kind": strings.Replace(text, "_sa_", "_pat_", 1), "space before": " " + text, "newline after": text + "\n",
		"upper case": strings.ToUpper(text), "twice": text + text, "NUL": text[:20] + "\x00" + text[21:],
	}
	for i := range len(text) {
		bad["prefix of "+text[:i]] = text[:i]
		if i > 0 {
			bad["suffix of "+text[i:]] = text[i:]
		}
		for _, c := range []byte("0aZ_-é") {
			if c != text[i] {
				bad["one character at "+text[:i]+string(c)] = text[:i] + string(c) + text[i+1:]
			}
		}
	}
	for _, more := range []string{"0", "a", "_", " "} {
		bad["longer by "+more] = text + more
	}
	for name, s := range bad {
		if _, err := Parse(s); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: Parse(%q) = %v, want ErrMalformed", name, s, err)
		}
	}
}

// What Parse accepts is exactly what Mint writes: it parses again, and no cut or added character does.
func FuzzParse(f *testing.F) {
	for _, kind := range Kinds {
		text, _ := minted(f, kind)
		f.Add(text)
		f.Add(text[1:])
		f.Add(text + "0")
	}
	f.Add("annals_sa__")
	f.Add("annals_")
	f.Fuzz(func(t *testing.T, s string) {
		key, err := Parse(s)
		if err != nil {
			return
		}
		if body := s[:len(s)-checkLen]; checksum(body) != s[len(s)-checkLen:] || !strings.HasPrefix(s, "annals_"+string(key.Kind)+"_"+key.ID+"_") {
			t.Fatalf("accepted %q", s)
		}
		for i := range len(s) {
			if _, err := Parse(s[:i]); err == nil {
				t.Fatalf("accepted %q and its beginning %q", s, s[:i])
			}
		}
		if _, err := Parse(s + "0"); err == nil {
			t.Fatalf("accepted %q and a longer one", s)
		}
	})
}
