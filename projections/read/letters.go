package read

import (
	"strings"
	"unicode"
)

// Texts are compared whatever their case. A database of locale C, such as the embedded one, lowers no letter beyond
// ASCII, and which collations another one has is not known: so a query lowers, of the other letters, those of the text
// that it looks for. All others may stay as they are, since none of them is in that text.

// A lowered is a text to look for, in the form in which columns are compared with it.
type lowered struct {
	text        string
	upper, down string // letters of the text in their other forms, and what each is in it
}

// lower prepares a text to look for.
func lower(text string) lowered {
	var out, upper, down strings.Builder
	seen := map[rune]bool{}
	for _, r := range text {
		if r <= unicode.MaxASCII {
			out.WriteRune(unicode.ToLower(r))
			continue
		}
		one := plain(r)
		out.WriteRune(one)
		if seen[one] {
			continue
		}
		seen[one] = true
		for other := unicode.SimpleFold(one); other != one; other = unicode.SimpleFold(other) {
			if other > unicode.MaxASCII {
				upper.WriteRune(other)
				down.WriteRune(one)
			}
		}
	}
	return lowered{out.String(), upper.String(), down.String()}
}

// plain is the one letter that stands for all that are the same but for their case: a small one, where there is one.
func plain(r rune) rune {
	least := r
	for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
		least = min(least, other)
	}
	if small := unicode.ToLower(least); small > unicode.MaxASCII {
		for other := unicode.SimpleFold(least); other != least; other = unicode.SimpleFold(other) {
			if other == small {
				return small
			}
		}
	}
	return least
}

// of is the column (SQL) in that form.
func (l lowered) of(b *binds, column string) string {
	if l.upper == "" {
		return "lower(" + column + ")"
	}
	return "translate(lower(" + column + "), " + b.of(l.upper) + ", " + b.of(l.down) + ")"
}

// within is the condition that the column (SQL) contains the text.
func (l lowered) within(b *binds, column string) string {
	return "strpos(" + l.of(b, column) + ", " + b.of(l.text) + ") > 0"
}
