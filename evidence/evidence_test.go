package evidence

import (
	"bytes"
	"errors"
	"testing"
	"testing/iotest"
)

func TestNewSaltsEachTime(t *testing.T) {
	t.Parallel()
	body := []byte("select name from patients")
	a, b := New(body), New(body)
	if a.Digest == b.Digest {
		t.Error("the same body has the same digest twice: a guessed text could be confirmed by its digest alone")
	}
	if !Intact(a) || !Intact(b) || len(a.Salt) != SaltSize {
		t.Errorf("made %x under salt %x, which does not check", a.Digest, a.Salt)
	}
	a.Bytes = append([]byte("x"), a.Bytes...)
	if Intact(a) {
		t.Error("an altered body checks")
	}
}

func TestNewFromFailingRandomness(t *testing.T) {
	t.Parallel()
	broken := errors.New("no entropy")
	if _, err := NewFrom(iotest.ErrReader(broken), []byte("x")); !errors.Is(err, broken) {
		t.Errorf("err = %v, want the reader's", err)
	}
	if _, err := NewFrom(bytes.NewReader(make([]byte, SaltSize-1)), []byte("x")); err == nil {
		t.Error("a short salt was taken")
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	body := []byte(`{"run":{"facets":{"errorMessage":{"message":"line 1\nline \"2\"","stackTrace":null}}},
		"a/b":{"m~n":"escaped"},"list":[{"sql":"select 1"},7120384759012345678],"":"empty name","n":true}`)
	for name, tt := range map[string]struct {
		body, pointer, want string
		ok                  bool
	}{
		"whole body, not JSON": {"plain text", "", "plain text", true},
		"string":               {string(body), "/run/facets/errorMessage/message", "line 1\nline \"2\"", true},
		"null":                 {string(body), "/run/facets/errorMessage/stackTrace", "", false},
		"escapes":              {string(body), "/a~1b/m~0n", "escaped", true},
		"in an array":          {string(body), "/list/0/sql", "select 1", true},
		"number as written":    {string(body), "/list/1", "7120384759012345678", true},
		"object as written":    {string(body), "/list/0", `{"sql":"select 1"}`, true},
		"empty member name":    {string(body), "/", "empty name", true},
		"boolean":              {string(body), "/n", "true", true},
		"missing member":       {string(body), "/run/nothing", "", false},
		"through a string":     {string(body), "/n/x", "", false},
		"index with a zero":    {string(body), "/list/00", "", false},
		"past the end":         {string(body), "/list/2", "", false},
		"after the end":        {string(body), "/list/-", "", false},
		"no slash":             {string(body), "run", "", false},
		"not JSON":             {"plain text", "/a", "", false},
		"empty body":           {"", "/a", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := Text([]byte(tt.body), tt.pointer)
			if got != tt.want || ok != tt.ok {
				t.Errorf("Text(%s) = %q, %v; want %q, %v", tt.pointer, got, ok, tt.want, tt.ok)
			}
		})
	}
}

func FuzzPointer(f *testing.F) {
	f.Add("a/b", "m~n")
	f.Add("~01", "")
	f.Fuzz(func(t *testing.T, a, b string) {
		p := Pointer(a, b)
		if got, ok := find([]byte(`{}`), p); ok {
			t.Fatalf("%q found %s in an empty object", p, got)
		}
		if back := unescape.Replace(escape.Replace(a)); back != a {
			t.Fatalf("%q became %q", a, back)
		}
	})
}
