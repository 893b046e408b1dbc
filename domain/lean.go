package domain

import "unicode/utf8"

// unknown is the place of a member that is not expected here.
const unknown = -1

// object reads an object: member reads the value of a key and answers its place among the members.
func (p *lean) object(member func(key []byte) int) {
	if p.byte('{'); p.next('}') {
		return
	}
	var seen uint32
	for !p.odd {
		key := p.span()
		p.byte(':')
		if p.odd {
			return
		}
		at := member(key)
		if at == unknown || seen>>at&1 == 1 {
			p.odd = true
			return
		}
		seen |= 1 << at
		if p.next('}') {
			return
		}
		p.byte(',')
	}
}

// list reads an array.
func list[T any](p *lean, one func(p *lean, t *T)) []T {
	all := []T{}
	if p.byte('['); p.next(']') {
		return all
	}
	for !p.odd {
		var t T
		one(p, &t)
		all = append(all, t)
		if p.next(']') {
			break
		}
		p.byte(',')
	}
	return all
}

// byte reads the one that has to come.
func (p *lean) byte(c byte) {
	if p.i < len(p.b) && p.b[p.i] == c {
		p.i++
		return
	}
	p.odd = true
}

// next reads a byte if it comes.
func (p *lean) next(c byte) bool {
	if p.i < len(p.b) && p.b[p.i] == c {
		p.i++
		return true
	}
	return false
}

func (p *lean) text() string { return string(p.span()) }

// span reads a string without escapes, and answers what is between its quotes.
func (p *lean) span() []byte {
	p.byte('"')
	from, ascii := p.i, true
	for ; p.i < len(p.b); p.i++ {
		switch c := p.b[p.i]; {
		case c == '"':
			s := p.b[from:p.i]
			p.i++
			p.odd = p.odd || !ascii && !utf8.Valid(s)
			return s
		case c == '\\' || c < ' ':
			p.odd = true
			return nil
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	p.odd = true
	return nil
}

// whole reads a whole number of up to 18 digits.
func (p *lean) whole() int64 {
	minus := p.next('-')
	from, n := p.i, int64(0)
	for ; p.i < len(p.b) && p.b[p.i] >= '0' && p.b[p.i] <= '9' && p.i-from < 19; p.i++ {
		n = 10*n + int64(p.b[p.i]-'0')
	}
	digits := p.i - from
	if digits == 0 || digits > 18 || digits > 1 && p.b[from] == '0' {
		p.odd = true
	}
	if minus {
		n = -n
	}
	return n
}

// number reads any number, and answers its literal: what is wrong with it shows when it is parsed, but for zeros that
// JSON does not have.
func (p *lean) number() []byte {
	from := p.i
	for ; p.i < len(p.b); p.i++ {
		switch c := p.b[p.i]; {
		case c >= '0' && c <= '9', c == '-', c == '+', c == '.', c == 'e', c == 'E':
			continue
		}
		break
	}
	s := p.b[from:p.i]
	p.odd = p.odd || !literal(s)
	return s
}

// literal says whether a number is written as JSON has it.
func literal(s []byte) bool {
	digits := func() (n int) {
		for ; n < len(s) && s[n] >= '0' && s[n] <= '9'; n++ {
		}
		return n
	}
	if len(s) > 0 && s[0] == '-' {
		s = s[1:]
	}
	n := digits()
	if n == 0 || n > 1 && s[0] == '0' {
		return false
	}
	if s = s[n:]; len(s) > 0 && s[0] == '.' {
		s = s[1:]
		if n = digits(); n == 0 {
			return false
		}
		s = s[n:]
	}
	if len(s) > 0 && (s[0] == 'e' || s[0] == 'E') {
		if s = s[1:]; len(s) > 0 && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		if n = digits(); n == 0 {
			return false
		}
		s = s[n:]
	}
	return len(s) == 0
}

// yes reads true or false.
func (p *lean) yes() bool {
	for _, word := range [...]string{"true", "false"} {
		if len(p.b)-p.i >= len(word) && string(p.b[p.i:p.i+len(word)]) == word {
			p.i += len(word)
			return word == "true"
		}
	}
	p.odd = true
	return false
}

// value reads any value, and answers its text, of which nothing is known but where it ends.
func (p *lean) value() []byte {
	from, depth := p.i, 0
	for p.i < len(p.b) {
		switch p.b[p.i] {
		case '"':
			p.quoted()
		case '{', '[':
			depth++
			p.i++
		case '}', ']', ',':
			if depth == 0 {
				return p.some(from)
			}
			if p.b[p.i] != ',' {
				depth--
			}
			p.i++
		default:
			p.i++
			continue
		}
		if depth == 0 {
			return p.some(from)
		}
	}
	return p.some(from)
}

// some is what was read since, which has to be something.
func (p *lean) some(from int) []byte {
	if p.i == from {
		p.odd = true
	}
	return p.b[from:p.i]
}

// quoted skips a string with its escapes.
func (p *lean) quoted() {
	for p.i++; p.i < len(p.b); p.i++ {
		switch p.b[p.i] {
		case '\\':
			p.i++
		case '"':
			p.i++
			return
		}
	}
	p.odd, p.i = true, len(p.b)
}
