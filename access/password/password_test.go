package password_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/annals-io/annals/access/password"
	"github.com/annals-io/annals/domain"
)

const right = "correct horse battery"

func TestAPasswordIsKnownByItsHash(t *testing.T) {
	t.Parallel()
	h := password.NewHasher()
	stored, err := h.Hash(t.Context(), right)
	if err != nil {
		t.Fatal(err)
	}
	again, err := h.Hash(t.Context(), right)
	if err != nil || again == stored || !strings.HasPrefix(stored, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("Hash = %s, then %s, %v: want argon2id, salted", stored, again, err)
	}
	for name, tt := range map[string]struct {
		typed string
		ok    bool
	}{
		"right":        {right, true},
		"wrong":        {right + "!", false},
		"cut":          {right[:len(right)-1], false},
		"nothing":      {"", false},
		"other case":   {strings.ToUpper(right), false},
		"endless":      {strings.Repeat("x", 1<<20), false},
		"not readable": {"\xff\xfe", false},
		"wide spaces":  {strings.ReplaceAll(right, " ", "\u2003"), true}, // one form, however it is typed
	} {
		if ok, weak, err := h.Check(t.Context(), tt.typed, stored); ok != tt.ok || weak || err != nil {
			t.Errorf("%s: %v, %v, %v", name, ok, weak, err)
		}
	}
}

// A hash made elsewhere, with less work, is checked with its own parameters, and said to be weak.
func TestAWeakerHashIsToldApart(t *testing.T) {
	t.Parallel()
	h := password.NewHasher()
	// argon2id of "password" with the salt "somesalt": a published test vector of the reference implementation.
	const vector = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if ok, weak, err := h.Check(t.Context(), "password", vector); !ok || weak || err != nil {
		t.Errorf("the vector: %v, %v, %v", ok, weak, err)
	}
	const weaker = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	if ok, weak, err := h.Check(t.Context(), "password", weaker); !ok || !weak || err != nil {
		t.Errorf("the weaker one: %v, %v, %v", ok, weak, err)
	}
	for _, stored := range []string{"", "password", "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAA", "$argon2id$v=19$m=99999999,t=2,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=256,t=0,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAA", "$argon2id$v=16$m=256,t=2,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAA", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$"} {
		if ok, _, err := h.Check(t.Context(), "password", stored); ok || !errors.Is(err, password.ErrForm) {
			t.Errorf("%q: %v, %v; want ErrForm", stored, ok, err)
		}
	}
}

func TestWhatCannotBeAPassword(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text string
		no   domain.Code
	}{
		"none":       {"", domain.Required},
		"short":      {"short", domain.Invalid},
		"eleven":     {"elevenchars", domain.Invalid},
		"twelve":     {"twelve chars", ""},
		"control":    {"with a \x00 inside", domain.Invalid},
		"long":       {strings.Repeat("y", password.MaxBytes+1), domain.TooLong},
		"as long":    {strings.Repeat("y", password.MaxBytes), ""},
		"of letters": {"żółw idzie powoli", ""},
	} {
		_, err := password.Normal(tt.text)
		if (tt.no == "") != (err == nil) || tt.no != "" && !errors.Is(err, tt.no) {
			t.Errorf("%s: %v, want %v", name, err, tt.no)
		}
	}
}

// Whoever goes away waits no longer.
func TestWaitingEndsWithTheCaller(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h := password.NewHasher()
	release := password.Fill(h)
	defer release()
	if err := h.Waste(ctx, right); !errors.Is(err, context.Canceled) {
		t.Errorf("Waste = %v", err)
	}
}

// The two lines of this benchmark are to be equal: a name that nobody has costs what a wrong password costs.
func BenchmarkWrongPasswordOrUnknownName(b *testing.B) {
	h := password.NewHasher()
	stored, err := h.Hash(b.Context(), right)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("wrong password", func(b *testing.B) {
		for b.Loop() {
			if ok, _, err := h.Check(b.Context(), "wrong horse battery", stored); ok || err != nil {
				b.Fatal(ok, err)
			}
		}
	})
	b.Run("unknown name", func(b *testing.B) {
		for b.Loop() {
			if err := h.Waste(b.Context(), "wrong horse battery"); err != nil {
				b.Fatal(err)
			}
		}
	})
}
