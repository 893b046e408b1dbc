package foreign

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// text reads the string that begins at at: its bytes are checked, not decoded.
func (s *scanner) text(at int, parent, ordinal uint32) (int, *Refusal) {
	n := s.add(String, at, parent, ordinal)
	src := s.src
	for at++; ; {
		at = plain(src, at)
		if at >= len(src) {
			return at, s.no(at, "the body ends inside a string")
		}
		switch src[at] {
		case '"':
			return s.closeNode(n, at+1), nil
		case '\\':
			s.nodes[n].escaped = true
			width := escapeWidth(src[at:])
			if width == 0 {
				return at, s.no(at, "a backslash begins one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\u with four hex digits")
			}
			at += width
		default:
			return at, s.no(at, "a control character in a string is written as an escape")
		}
	}
}

// plain is the first byte at or after at that is a quote, a backslash or a control character. It looks at eight bytes
// at once: strings are most of an event.
func plain(src []byte, at int) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for ; at+8 <= len(src); at += 8 {
		w := binary.LittleEndian.Uint64(src[at:])
		quote, slash := w^(ones*'"'), w^(ones*'\\')
		hits := ((quote - ones) &^ quote) | ((slash - ones) &^ slash) | ((w - ones*0x20) &^ w)
		if hits &= tops; hits != 0 {
			return at + bits.TrailingZeros64(hits)/8
		}
	}
	for at < len(src) && src[at] != '"' && src[at] != '\\' && src[at] >= 0x20 {
		at++
	}
	return at
}

// escapeWidth is the length of the escape that src begins with, 0 if it is none.
func escapeWidth(src []byte) int {
	if len(src) < 2 {
		return 0
	}
	switch src[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if _, ok := hex4(src[2:]); ok {
			return 6
		}
	}
	return 0
}

// hex4 reads the four hex digits of a \u escape.
func hex4(src []byte) (r rune, ok bool) {
	if len(src) < 4 {
		return 0, false
	}
	for _, c := range src[:4] {
		switch {
		case isDigit(c):
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// appendDecoded appends what the inside of a string literal stands for. Half of a surrogate pair, which UTF-8 has no
// bytes for, becomes the three bytes that encode its number (as in WTF-8): so no two strings become one.
func appendDecoded(dst, inside []byte) []byte {
	for len(inside) > 0 {
		if inside[0] != '\\' {
			end := 1
			for end < len(inside) && inside[end] != '\\' {
				end++
			}
			dst = append(dst, inside[:end]...)
			inside = inside[end:]
			continue
		}
		c := inside[1]
		if c != 'u' {
			dst = append(dst, unescaped[c])
			inside = inside[2:]
			continue
		}
		r, _ := hex4(inside[2:])
		inside = inside[6:]
		if utf16.IsSurrogate(r) {
			if len(inside) >= 6 && inside[0] == '\\' && inside[1] == 'u' {
				low, _ := hex4(inside[2:])
				if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
					dst = utf8.AppendRune(dst, pair)
					inside = inside[6:]
					continue
				}
			}
			dst = append(dst, 0xED, 0x80|byte(r>>6)&0x3F, 0x80|byte(r)&0x3F)
			continue
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

var unescaped = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// halfPair reads the surrogate half at the beginning of decoded bytes.
func halfPair(b []byte) (r rune, ok bool) {
	if len(b) < 3 || b[0] != 0xED || b[1] < 0xA0 {
		return 0, false
	}
	return 0xD000 | rune(b[1]&0x3F)<<6 | rune(b[2]&0x3F), true
}

// AppendQuoted appends a string literal with the fewest escapes: the quote, the backslash and control characters, the
// latter by their letter where they have one.
func AppendQuoted[T string | []byte](dst []byte, text T) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c >= 0x20 && c != '"' && c != '\\' && c != 0xED {
			continue
		}
		var escape byte
		switch c {
		case '"', '\\':
			escape = c
		case '\b':
			escape = 'b'
		case '\f':
			escape = 'f'
		case '\n':
			escape = 'n'
		case '\r':
			escape = 'r'
		case '\t':
			escape = 't'
		case 0xED:
			half, ok := halfPair([]byte(text[i:min(i+3, len(text))]))
			if !ok {
				continue
			}
			dst = append(dst, text[from:i]...)
			dst = append(dst, '\\', 'u', 'd', hex[half>>8&0xF], hex[half>>4&0xF], hex[half&0xF])
			i += 2
			from = i + 1
			continue
		}
		dst = append(dst, text[from:i]...)
		if escape != 0 {
			dst = append(dst, '\\', escape)
		} else {
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xF])
		}
		from = i + 1
	}
	dst = append(dst, text[from:]...)
	return append(dst, '"')
}
