package foreign

// An extent finds the end of one body without reading it: brackets are counted outside strings. A body that is broken
// would swallow those that follow, so it also ends before a line that begins with an opening brace, if no object can
// begin there or if every body of the source has a line to itself.
type extent struct {
	inArray bool // the body is an element: a comma or bracket behind it is not part of it
	byLine  bool
	done    bool

	open      []byte // the brackets that are open
	begun     bool
	bare      bool // neither object, array nor string: ends where a bare word does
	broken    bool // brackets do not match: ends with the line
	inString  bool
	escaped   bool
	lineStart bool
	last      byte // the last byte outside strings that is not white space
}

// feed looks at the next bytes of the source and answers how many of them are part of the body.
func (e *extent) feed(chunk []byte) int {
	for i := 0; i < len(chunk); i++ {
		c := chunk[i]
		if e.lineStart && c == '{' && e.begun && (e.byLine || e.inString || !e.mayOpen()) {
			e.done = true
			return i
		}
		e.lineStart = c == '\n'
		switch {
		case e.lineStart && (e.broken || e.bare):
			e.done = true
			return i
		case e.inString:
			i = e.insideString(chunk, i)
		case e.bare:
			if e.inArray && (c == ',' || c == ']') {
				e.done = true
				return i
			}
		default:
			e.outside(c)
		}
		if e.done {
			return i + 1
		}
	}
	return len(chunk)
}

func (e *extent) insideString(chunk []byte, i int) int {
	switch c := chunk[i]; {
	case e.escaped:
		e.escaped = false
	case c == '\\':
		e.escaped = true
	case c == '"':
		e.inString, e.last = false, '"'
		e.done = len(e.open) == 0
	case c != '\n': // a line break must be seen: the next byte may begin a body
		return plain(chunk, i+1) - 1 // nothing to see up to there
	}
	return i
}

func (e *extent) outside(c byte) {
	switch c {
	case ' ', '\t', '\r', '\n':
		return
	case '"':
		e.inString = true
	case '{', '[':
		e.open = append(e.open, c)
	case '}', ']':
		if len(e.open) == 0 || e.open[len(e.open)-1] != c-2 { // in ASCII the closing bracket is two after the opening
			e.broken = true
			break
		}
		e.open = e.open[:len(e.open)-1]
		e.done = len(e.open) == 0
	default:
		e.bare = !e.begun
	}
	e.begun, e.last = true, c
}

// mayOpen says that an object can begin here: after a colon, or as an element.
func (e *extent) mayOpen() bool {
	if len(e.open) > 0 && e.open[len(e.open)-1] == '[' {
		return e.last == '[' || e.last == ','
	}
	return e.last == ':'
}
