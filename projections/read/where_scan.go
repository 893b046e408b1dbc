package read

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// A WhereError says what is wrong with a condition or an order that somebody typed, and where.
type WhereError struct {
	Text    string
	Column  int // of the first character that is wrong, from 1; one behind the end where something is missing
	Message string
}

// Error writes the message under the text, with a mark below the place.
func (e *WhereError) Error() string {
	return fmt.Sprintf("column %d: %s\n  %s\n  %s^", e.Column, e.Message, strings.Map(oneLine, e.Text), strings.Repeat(" ", e.Column-1))
}

// oneLine keeps every character one column wide in one line.
func oneLine(r rune) rune {
	if r < ' ' {
		return ' '
	}
	return r
}

// A tokenKind is what a token is.
type tokenKind int

const (
	endOfText tokenKind = iota
	word                // metrics.rmse, and, failed, 0.2, 2026-01-01T00:00:00Z
	quoted              // 'x' or "x"
	sign                // = != < <= > >= ~ ( ) ,
)

// A token is a piece of the text; a word may hold quoted parts, as in metrics."my metric".
type token struct {
	kind tokenKind
	text string // without quotes
	at   int    // byte
}

// A scanner cuts a text into tokens.
type scanner struct {
	text string
	pos  int
}

func (s *scanner) fail(at int, format string, args ...any) error {
	return &WhereError{Text: s.text, Column: utf8.RuneCountInString(s.text[:at]) + 1, Message: fmt.Sprintf(format, args...)}
}

const (
	blanks = " \t\r\n"
	signs  = "=!<>~(),"
)

// next is the token at the position, which it passes.
func (s *scanner) next() (token, error) {
	for s.pos < len(s.text) && strings.IndexByte(blanks, s.text[s.pos]) >= 0 {
		s.pos++
	}
	t := token{at: s.pos}
	if s.pos == len(s.text) {
		return t, nil
	}
	switch c := s.text[s.pos]; {
	case c == '"' || c == '\'':
		t.kind = quoted
		return t, s.quote(&t)
	case strings.IndexByte(signs, c) >= 0:
		t.kind = sign
		length := 1
		if two := s.text[s.pos:min(s.pos+2, len(s.text))]; two == "==" || two == "!=" || two == "<=" || two == ">=" || two == "<>" {
			length = 2
		}
		t.text = s.text[s.pos : s.pos+length]
		s.pos += length
		if t.text == "!" {
			return t, s.fail(t.at, "! is no operator: write != or not in")
		}
		return t, nil
	}
	t.kind = word
	for s.pos < len(s.text) && strings.IndexByte(blanks+signs, s.text[s.pos]) < 0 {
		if c := s.text[s.pos]; c == '"' || c == '\'' {
			if err := s.quote(&t); err != nil {
				return t, err
			}
			continue
		}
		t.text += s.text[s.pos : s.pos+1]
		s.pos++
	}
	return t, nil
}

// quote takes a quoted part into the token. A quote inside is doubled.
func (s *scanner) quote(t *token) error {
	from, q := s.pos, s.text[s.pos]
	for i := from + 1; i < len(s.text); i++ {
		switch {
		case s.text[i] != q:
			t.text += s.text[i : i+1]
		case i+1 < len(s.text) && s.text[i+1] == q:
			t.text += s.text[i : i+1]
			i++
		default:
			s.pos = i + 1
			return nil
		}
	}
	return s.fail(from, "the text that begins here has no closing %c", q)
}
