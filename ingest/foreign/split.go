package foreign

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"iter"
)

// An Item is one body of a source.
type Item struct {
	Index int      // its number in the source, from 0
	Line  int      // the line it begins on, from 1
	Body  []byte   // the caller's to keep; nil where there is a No
	No    *Refusal // why there is no body: it is too large, or the array around it never ends
}

// A Splitter yields the bodies of a source, one at a time and in order: the lines of NDJSON, the elements of an array,
// objects one after the other with whatever white space between them, also inside gzip. It finds where a body ends and
// no more: whether it is JSON is for [Scan] to say, and a broken one takes no neighbour with it, as long as the next
// begins on a line of its own.
type Splitter struct {
	src   *bufio.Reader
	limit int

	began   bool
	inArray bool // between the brackets of an array at the top
	byLine  bool // one body had a line to itself, so the source is NDJSON: see extent
	index   int
	line    int
}

// NewSplitter reads from source. Bodies of more than limit bytes are passed over and yielded as refusals; 0 is
// [MaxBytes].
func NewSplitter(source io.Reader, limit int) *Splitter {
	if limit <= 0 {
		limit = MaxBytes
	}
	return &Splitter{src: bufio.NewReaderSize(source, 64<<10), limit: limit, line: 1}
}

// Lines says that the source is NDJSON, so that already its first body has a line to itself: without it, a first line
// that is cut off may take the next one with it.
func (s *Splitter) Lines() *Splitter {
	s.byLine = true
	return s
}

// All yields the items to the end of the source. An error of the source itself is yielded last, so that a source cut
// short never looks like a short one.
func (s *Splitter) All() iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		for {
			item, err := s.Next()
			if err == io.EOF || !yield(item, err) || err != nil {
				return
			}
		}
	}
}

// Next is the next item, and io.EOF after the last. Another error is one of the source.
func (s *Splitter) Next() (Item, error) {
	if !s.began {
		s.began = true
		if err := s.open(); err != nil {
			return Item{}, err
		}
	}
	for {
		c, err := s.skipBlank()
		if err == io.EOF && s.inArray {
			s.inArray = false
			return s.item(s.line, nil, &Refusal{Code: NotJSON, Offset: -1, Rule: ruleJSON,
				Message: "the source ends inside an array: its closing bracket is missing"}), nil
		}
		if err != nil {
			return Item{}, err
		}
		switch {
		case s.inArray && c == ',':
			s.discard(1)
		case s.inArray && c == ']':
			s.discard(1)
			s.inArray = false
		case !s.inArray && c == '[':
			s.discard(1)
			s.inArray = true
		default:
			return s.body()
		}
	}
}

// open looks through gzip and a byte order mark.
func (s *Splitter) open() error {
	if magic, _ := s.src.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		plain, err := gzip.NewReader(s.src)
		if err != nil {
			return &Refusal{Code: BadGzip, Offset: -1, Rule: ruleGzip, Message: "the source begins like gzip and is none: " + err.Error()}
		}
		s.src = bufio.NewReaderSize(gzipSource{plain}, 64<<10)
	}
	if mark, _ := s.src.Peek(len(byteOrderMark)); bytes.Equal(mark, byteOrderMark) {
		s.discard(len(byteOrderMark))
	}
	return nil
}

const ruleGzip = "A source is plain, or gzip (RFC 1952) to its end."

// gzipSource gives the errors of gzip our words. What went wrong below it goes through as it is.
type gzipSource struct{ *gzip.Reader }

func (g gzipSource) Read(p []byte) (int, error) {
	n, err := g.Reader.Read(p)
	if err == gzip.ErrChecksum || err == gzip.ErrHeader || err == io.ErrUnexpectedEOF {
		err = &Refusal{Code: BadGzip, Offset: -1, Rule: ruleGzip, Message: "the gzip source is damaged or cut off: " + err.Error()}
	}
	return n, err
}

func (s *Splitter) discard(n int) { _, _ = s.src.Discard(n) } // only of bytes that were peeked

// skipBlank moves to the next byte that is not white space and peeks at it.
func (s *Splitter) skipBlank() (byte, error) {
	for {
		c, err := s.peek()
		if err != nil {
			return 0, err
		}
		switch c {
		case '\n':
			s.line++
		case ' ', '\t', '\r':
		default:
			return c, nil
		}
		s.discard(1)
	}
}

func (s *Splitter) peek() (byte, error) {
	b, err := s.src.Peek(1)
	if err != nil {
		return 0, err
	}
	return b[0], nil
}

// body takes the body that begins here.
func (s *Splitter) body() (Item, error) {
	e := extent{inArray: s.inArray, byLine: s.byLine}
	line, tooLarge := s.line, false
	var body []byte
	for !e.done {
		if _, err := s.peek(); err == io.EOF {
			break
		} else if err != nil {
			return Item{}, err
		}
		chunk, _ := s.src.Peek(s.src.Buffered())
		n := e.feed(chunk)
		s.line += bytes.Count(chunk[:n], lineBreak)
		if tooLarge = tooLarge || len(body)+n > s.limit+1; tooLarge { // one more for a line break behind it
			body, e.byLine = nil, true // whatever comes: the next line that begins an object is a new body
		} else {
			body = append(body, chunk[:n]...)
		}
		s.discard(n)
	}
	body = bytes.TrimRight(body, " \t\r\n")
	if tooLarge || len(body) > s.limit {
		return s.item(line, nil, s.tooLarge()), nil
	}
	if next, _ := s.src.Peek(1); s.line == line && body[0] == '{' && len(next) == 1 && (next[0] == '\n' || next[0] == '\r') {
		s.byLine = true
	}
	return s.item(line, body, nil), nil
}

var lineBreak = []byte{'\n'}

func (s *Splitter) item(line int, body []byte, no *Refusal) Item {
	s.index++
	return Item{Index: s.index - 1, Line: line, Body: body, No: no}
}

func (s *Splitter) tooLarge() *Refusal {
	return &Refusal{Code: TooLarge, Offset: -1, Rule: fmt.Sprintf(ruleBytes, s.limit), Message: fmt.Sprintf("the body has more than the %d bytes that are taken", s.limit)}
}
