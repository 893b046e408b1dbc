package bundle

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// The members of an event's line, in their order. Times are microseconds since 1970.
const (
	memberStream   = `{"stream":`
	memberRevision = `,"revision":`
	memberID       = `,"id":`
	memberType     = `,"type":`
	memberVersion  = `,"version":`
	memberRecorded = `,"recordedAt":`
	memberOccurred = `,"occurredAt":`
	memberKind     = `,"kind":`
	memberSubject  = `,"subject":`
	memberData     = `,"data":`
	memberMeta     = `,"meta":`
)

// AppendEvent appends the line of an event, without a line feed. The event's Stream is the one that its leaf names.
func AppendEvent(b []byte, e *eventstore.NewEvent) []byte {
	b = appendText(append(b, memberStream...), string(e.Stream))
	b = strconv.AppendInt(append(b, memberRevision...), int64(e.Revision), 10)
	b = appendText(append(b, memberID...), e.EventID.String())
	b = appendText(append(b, memberType...), e.Type)
	b = strconv.AppendInt(append(b, memberVersion...), int64(e.Version), 10)
	b = strconv.AppendInt(append(b, memberRecorded...), e.RecordedAt.UnixMicro(), 10)
	b = strconv.AppendInt(append(b, memberOccurred...), e.OccurredAt.UnixMicro(), 10)
	b = appendText(append(b, memberKind...), string(e.Subject.Kind))
	b = appendText(append(b, memberSubject...), e.Subject.ID.String())
	b = appendBytes(append(b, memberData...), e.Data)
	b = appendBytes(append(b, memberMeta...), e.MetaData)
	return append(b, '}')
}

func appendBytes(b, content []byte) []byte {
	b = append(b, '"')
	b = base64.StdEncoding.AppendEncode(b, content)
	return append(b, '"')
}

// appendText writes a JSON string; plain text, which is nearly all there is, as it stands.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			quoted, _ := json.Marshal(s) // a string can always be written
			return append(b, quoted...)
		}
	}
	b = append(append(b, '"'), s...)
	return append(b, '"')
}

var errLine = errors.New("the line is not as an export has it")

// ParseEvent reads what [AppendEvent] wrote. The event owns its bytes; Event and Meta are left empty.
func ParseEvent(line []byte) (e eventstore.NewEvent, err error) {
	p := parser{rest: line}
	e.Stream = domain.Stream(p.text(memberStream))
	e.Revision = domain.Revision(p.number(memberRevision))
	e.EventID = p.id(memberID)
	e.Type = p.text(memberType)
	e.Version = int(p.number(memberVersion))
	e.RecordedAt = time.UnixMicro(p.number(memberRecorded)).UTC()
	e.OccurredAt = time.UnixMicro(p.number(memberOccurred)).UTC()
	e.Subject.Kind = domain.Kind(p.text(memberKind))
	e.Subject.ID = p.id(memberSubject)
	e.Data = p.bytes(memberData)
	e.MetaData = p.bytes(memberMeta)
	if string(p.rest) != "}" {
		p.fail()
	}
	return e, p.err
}

// A parser takes a line apart, member by member. After the first thing that is not as it should be it finds nothing more.
type parser struct {
	rest []byte
	err  error
}

func (p *parser) fail() {
	p.err, p.rest = errLine, nil
}

// quoted is the inside of the JSON string that is the value of a member.
func (p *parser) quoted(member string) []byte {
	after, ok := bytes.CutPrefix(p.rest, []byte(member))
	if !ok || len(after) == 0 || after[0] != '"' {
		p.fail()
		return nil
	}
	end := bytes.IndexByte(after[1:], '"')
	if end > 0 && bytes.IndexByte(after[1:1+end], '\\') >= 0 {
		for end = 0; 1+end < len(after) && after[1+end] != '"'; end++ {
			if after[1+end] == '\\' {
				end++
			}
		}
		if 1+end >= len(after) {
			end = -1
		}
	}
	if end < 0 {
		p.fail()
		return nil
	}
	p.rest = after[end+2:]
	return after[1 : end+1]
}

func (p *parser) text(member string) string {
	inside := p.quoted(member)
	if bytes.IndexByte(inside, '\\') < 0 {
		return string(inside)
	}
	var s string
	if json.Unmarshal(append(append([]byte{'"'}, inside...), '"'), &s) != nil {
		p.fail()
	}
	return s
}

func (p *parser) number(member string) int64 {
	after, ok := bytes.CutPrefix(p.rest, []byte(member))
	end := bytes.IndexByte(after, ',')
	if !ok || end < 0 {
		p.fail()
		return 0
	}
	n, err := strconv.ParseInt(string(after[:end]), 10, 64)
	if err != nil {
		p.fail()
		return 0
	}
	p.rest = after[end:]
	return n
}

func (p *parser) id(member string) uuid.UUID {
	id, err := uuid.ParseBytes(p.quoted(member))
	if err != nil {
		p.fail()
	}
	return id
}

func (p *parser) bytes(member string) []byte {
	inside := p.quoted(member)
	content := make([]byte, base64.StdEncoding.DecodedLen(len(inside)))
	n, err := base64.StdEncoding.Strict().Decode(content, inside)
	if err != nil {
		p.fail()
	}
	return content[:n]
}
