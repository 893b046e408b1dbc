package fold

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
)

// mostKey is the longest text that stands in an index, in bytes: a b-tree row of Postgres holds 2,704, and keys have
// up to four of them.
const mostKey = 400

// keyText is a foreign string that must fit an index: a longer one keeps its beginning and the hash of the whole, so
// that equal ones stay equal and different ones different. NUL becomes U+FFFD.
func keyText(s string) string {
	s = noNUL(s)
	if len(s) <= mostKey {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return strings.ToValidUTF8(s[:mostKey-34], "") + "…" + hex.EncodeToString(sum[:15])
}

// noNUL replaces what Postgres cannot keep in a text.
func noNUL(s string) string {
	if strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ReplaceAll(s, "\x00", "\uFFFD")
}

// cut is the beginning of a string: at most n runes.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// mostWords bounds the words of one name: beyond it, a path has told enough.
const mostWords = 24

// wordsOf are the words under which a name is found: the whole, cut to 200 characters, and its parts between
// characters that are no letter or digit, all in lower case. The parts of a UUID are no words.
func wordsOf(name string) []string {
	lower := strings.ToLower(noNUL(name))
	words := []string{cut(lower, 200)}
	if _, err := uuid.Parse(name); err == nil || !utf8.ValidString(lower) {
		return words
	}
	for part := range strings.FieldsFuncSeq(lower, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if part = cut(part, 200); len(words) < mostWords && !contains(words, part) {
			words = append(words, part)
		}
	}
	return words
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
