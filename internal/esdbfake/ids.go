package esdbfake

import (
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/google/uuid"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
)

func uuidOf(id *shared.UUID) (u uuid.UUID, err error) {
	if text, ok := id.GetValue().(*shared.UUID_String_); ok {
		return uuid.Parse(text.String_)
	}
	s := id.GetStructured()
	if s == nil {
		return u, fmt.Errorf("an event needs an id")
	}
	binary.BigEndian.PutUint64(u[:8], uint64(s.MostSignificantBits))
	binary.BigEndian.PutUint64(u[8:], uint64(s.LeastSignificantBits))
	return u, nil
}

// protoID is an id in two halves.
func protoID(u uuid.UUID) *shared.UUID {
	return &shared.UUID{Value: &shared.UUID_Structured_{Structured: &shared.UUID_Structured{
		MostSignificantBits:  int64(binary.BigEndian.Uint64(u[:8])),
		LeastSignificantBits: int64(binary.BigEndian.Uint64(u[8:])),
	}}}
}

func streamID(name string) *shared.StreamIdentifier {
	return &shared.StreamIdentifier{StreamName: []byte(name)}
}

// proto is a record as it is sent. Times count 100 ns since 1970.
func (r *record) proto(idAsText bool) *streams.ReadResp {
	id := protoID(r.id)
	if idAsText {
		id = &shared.UUID{Value: &shared.UUID_String_{String_: r.id.String()}}
	}
	return &streams.ReadResp{Content: &streams.ReadResp_Event{Event: &streams.ReadResp_ReadEvent{
		Position: &streams.ReadResp_ReadEvent_CommitPosition{CommitPosition: r.commit},
		Event: &streams.ReadResp_ReadEvent_RecordedEvent{
			Id: id, StreamIdentifier: streamID(r.stream), StreamRevision: r.revision,
			CommitPosition: r.commit, PreparePosition: r.prepare, Data: r.data, CustomMetadata: r.meta,
			Metadata: map[string]string{
				"type": r.typ, "content-type": r.contentType, "created": strconv.FormatInt(r.created.UnixNano()/100, 10),
			},
		},
	}}}
}
