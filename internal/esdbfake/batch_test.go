package esdbfake_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"

	"github.com/annals-io/annals/internal/esdbfake"
	"github.com/annals-io/annals/internal/esdbfake/esdbtest"
)

func textID(id uuid.UUID) *shared.UUID {
	return &shared.UUID{Value: &shared.UUID_String_{String_: id.String()}}
}

// Two batches come in parts through one call, mixed, beside one that is too large and one that is late: each has its
// own answer, and the call goes on.
func TestBatches(t *testing.T) {
	t.Parallel()
	s := esdbtest.Start(t, esdbfake.Options{MaxAppendSize: 1000})
	connection, err := grpc.NewClient(s.Address(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	call, err := streams.NewStreamsClient(connection).BatchAppend(ctx)
	if err != nil {
		t.Fatal(err)
	}
	part := func(id uuid.UUID, stream string, bytes int, wait time.Duration, final bool) {
		t.Helper()
		req := &streams.BatchAppendReq{CorrelationId: textID(id), IsFinal: final}
		if stream != "" {
			req.Options = &streams.BatchAppendReq_Options{
				StreamIdentifier:       &shared.StreamIdentifier{StreamName: []byte(stream)},
				ExpectedStreamPosition: &streams.BatchAppendReq_Options_NoStream{NoStream: &emptypb.Empty{}},
				DeadlineOption:         &streams.BatchAppendReq_Options_Deadline{Deadline: durationpb.New(wait)},
			}
		}
		req.ProposedMessages = []*streams.BatchAppendReq_ProposedMessage{{
			Id: textID(uuid.New()), Metadata: map[string]string{"type": "t", "content-type": "application/json"}, Data: make([]byte, bytes),
		}}
		if err := call.Send(req); err != nil {
			t.Fatal(err)
		}
	}
	answered := func() (uuid.UUID, *streams.BatchAppendResp) {
		t.Helper()
		a, err := call.Recv()
		if err != nil {
			t.Fatal(err)
		}
		return uuid.MustParse(a.GetCorrelationId().GetString_()), a
	}
	a, b, large, late, again := uuid.New(), uuid.New(), uuid.New(), uuid.New(), uuid.New()
	part(a, "a", 10, time.Minute, false)
	part(b, "b", 10, time.Minute, false)
	part(a, "", 10, 0, false)
	part(b, "", 10, 0, true)
	if id, got := answered(); id != b || got.GetSuccess().GetCurrentRevision() != 1 {
		t.Errorf("the second batch: %v", got)
	}
	part(large, "large", 1200, time.Minute, false)
	if id, got := answered(); id != large || codes.Code(got.GetError().GetCode()) != codes.InvalidArgument || got.GetError().GetMessage() != "MaximumAppendSizeExceeded" {
		t.Errorf("too large a batch: %v", got)
	}
	part(large, "", 10, 0, true) // the rest of it is passed over
	part(late, "late", 10, -time.Second, true)
	if id, got := answered(); id != late || got.GetError().GetMessage() != "Timeout" {
		t.Errorf("too late a batch: %v", got)
	}
	part(a, "", 10, 0, true)
	if id, got := answered(); id != a || got.GetSuccess().GetCurrentRevision() != 2 || got.GetSuccess().GetPosition().GetCommitPosition() == 0 {
		t.Errorf("the first batch: %v", got)
	}
	part(again, "a", 10, time.Minute, true)
	_, got := answered()
	var told shared.WrongExpectedVersion
	if details := got.GetError().GetDetails(); len(details) != 1 || details[0].UnmarshalTo(&told) != nil || told.GetCurrentStreamRevision() != 2 || told.GetExpectedNoStream() == nil {
		t.Errorf("a batch that expects no stream: %v", got)
	}
	if _, err := streams.NewStreamsClient(connection).Delete(ctx, &streams.DeleteReq{}); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("a deletion of nothing: %v", err)
	}
}
