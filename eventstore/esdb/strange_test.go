package esdb

import (
	"context"
	"crypto/tls"
	"errors"
	"math"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/postgres"
	"github.com/annals-io/annals/internal/pgtest"
)

// A stranger is a server that answers what it is told to, whatever it is asked.
type stranger struct {
	streams.UnimplementedStreamsServer
	reads  []*streams.ReadResp
	append *streams.AppendResp
	strict atomic.Bool // answer the strange things: not yet while the store is opened
	user   atomic.Value
}

// Read answers reads.
func (s *stranger) Read(_ *streams.ReadReq, to streams.Streams_ReadServer) error {
	if p, ok := peer.FromContext(to.Context()); ok {
		if info, ok := p.AuthInfo.(credentials.TLSInfo); ok && len(info.State.PeerCertificates) > 0 {
			s.user.Store(info.State.PeerCertificates[0].Subject.CommonName)
		}
	}
	if !s.strict.Load() {
		return nil
	}
	for _, r := range s.reads {
		if err := to.Send(r); err != nil {
			return err
		}
	}
	return nil
}

// Append answers appends.
func (s *stranger) Append(from streams.Streams_AppendServer) error {
	for {
		if _, err := from.Recv(); err != nil {
			return from.SendAndClose(s.append)
		}
	}
}

func (s *stranger) serve(t *testing.T, secure *tls.Config) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var options []grpc.ServerOption
	if secure != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(secure)))
	}
	server := grpc.NewServer(options...)
	streams.RegisterStreamsServer(server, s)
	go func() { _ = server.Serve(l) }() // it ends with Stop
	t.Cleanup(server.Stop)
	return l.Addr().String()
}

func emptyDatabase(t *testing.T) string {
	t.Helper()
	url := pgtest.URL(t)
	if err := postgres.Migrate(t.Context(), url, ""); err != nil {
		t.Fatal(err)
	}
	return url
}

// Whatever a server answers is data: an answer that makes no sense is an error, in time, and no panic.
func TestAnswersThatMakeNoSense(t *testing.T) {
	t.Parallel()
	database := emptyDatabase(t)
	event := func(change func(e *streams.ReadResp_ReadEvent_RecordedEvent)) []*streams.ReadResp {
		e := &streams.ReadResp_ReadEvent_RecordedEvent{
			Id: &shared.UUID{Value: &shared.UUID_String_{String_: uuid.NewString()}}, StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte("workspace-a")},
			Metadata: map[string]string{"type": "run.started"}, CustomMetadata: []byte(`{"annals":{}}`), CommitPosition: 7, PreparePosition: 7,
		}
		change(e)
		return []*streams.ReadResp{{Content: &streams.ReadResp_Event{Event: &streams.ReadResp_ReadEvent{Event: e}}}}
	}
	meta := func(text string) []*streams.ReadResp {
		return event(func(e *streams.ReadResp_ReadEvent_RecordedEvent) { e.CustomMetadata = []byte(text) })
	}
	for name, tt := range map[string]struct {
		reads  []*streams.ReadResp
		append *streams.AppendResp
		benign bool // may be passed over
	}{
		"an answer of nothing":           {reads: []*streams.ReadResp{{}}, benign: true},
		"an event of nothing":            {reads: []*streams.ReadResp{{Content: &streams.ReadResp_Event{}}}},
		"an event without its record":    {reads: []*streams.ReadResp{{Content: &streams.ReadResp_Event{Event: &streams.ReadResp_ReadEvent{}}}}},
		"positions nobody asked for":     {reads: []*streams.ReadResp{{Content: &streams.ReadResp_FirstStreamPosition{FirstStreamPosition: 3}}, {Content: &streams.ReadResp_LastAllStreamPosition{}}}, benign: true},
		"an id that is none":             {reads: event(func(e *streams.ReadResp_ReadEvent_RecordedEvent) { e.Id.Value = &shared.UUID_String_{String_: "no id"} })},
		"no id and no name":              {reads: event(func(e *streams.ReadResp_ReadEvent_RecordedEvent) { e.Id, e.StreamIdentifier = nil, nil })},
		"a revision beyond all":          {reads: event(func(e *streams.ReadResp_ReadEvent_RecordedEvent) { e.StreamRevision = math.MaxUint64 })},
		"metadata without end":           {reads: meta(`{"annals":{`)},
		"an envelope that is taken back": {reads: meta(`{"annals":{},"annals":null}`)},
		"an envelope of another kind":    {reads: meta(`{"annals":{"version":"x"}}`)},
		"an envelope without a hash":     {reads: meta(`{"annals":{},"meta":{}}`)},
		"an append without a result":     {append: &streams.AppendResp{}},
		"a success of nothing":           {append: &streams.AppendResp{Result: &streams.AppendResp_Success_{}}},
		"a success far beyond":           {append: &streams.AppendResp{Result: &streams.AppendResp_Success_{Success: &streams.AppendResp_Success{CurrentRevisionOption: &streams.AppendResp_Success_CurrentRevision{CurrentRevision: math.MaxUint64}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := &stranger{reads: tt.reads, append: tt.append}
			s, err := Open(t.Context(), "esdb://"+server.serve(t, nil)+"?tls=false&defaultDeadline=300", database, Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			server.strict.Store(true)
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			began := time.Now()
			sl := eventstore.Slice{Stream: "workspace-a", Expected: eventstore.NoStream, Events: []eventstore.NewEvent{{Data: []byte(`{}`), Envelope: domain.Envelope{EventID: uuid.New(), Type: "run.started", Version: 1}}}}
			results, failed := s.Append(ctx, []eventstore.Slice{sl})
			if failed == nil && results[0].Err != nil {
				failed = results[0].Err
			}
			_, readFailed := s.ReadStream(ctx, "workspace-a", 0, eventstore.Forward, 10)
			_, logFailed := s.ReadAll(ctx, eventstore.Position{}, 10)
			_, headFailed := s.Head(ctx)
			if failed == nil && readFailed == nil && logFailed == nil && headFailed == nil && !tt.benign {
				t.Error("all of it was believed")
			}
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

// A user's certificate is shown to the server that asks for one; without it there is no way in, and one that cannot be
// loaded is named before anything is tried.
func TestUserCertificates(t *testing.T) {
	t.Parallel()
	database := emptyDatabase(t)
	ca, cert, key := certificates(t)
	server := &stranger{}
	address := server.serve(t, mutual(t, ca, cert, key))
	s, err := Open(t.Context(), "esdb://"+address+"?tlsCaFile="+ca+"&userCertFile="+cert+"&userKeyFile="+key, database, Options{})
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	if name := server.user.Load(); name != "annals-user" {
		t.Errorf("the server saw %v", name)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	var away *eventstore.UnavailableError
	if _, err := Open(ctx, "esdb://"+address+"?tlsCaFile="+ca, database, Options{}); !errors.As(err, &away) {
		t.Errorf("without a certificate: %v", err)
	}
	if _, err := Open(t.Context(), "esdb://"+address+"?tlsCaFile="+ca+"&userCertFile="+ca+"&userKeyFile="+key, database, Options{}); err == nil || !strings.Contains(err.Error(), "certificate") || errors.As(err, &away) {
		t.Errorf("with a certificate that does not go with its key: %v", err)
	}
	// Nor is a server trusted that nobody vouches for, unless that is asked for.
	if _, err := Open(ctx, "esdb://"+address+"?userCertFile="+cert+"&userKeyFile="+key, database, Options{}); !errors.As(err, &away) {
		t.Errorf("a server nobody vouches for: %v", err)
	}
	if s, err = Open(t.Context(), "esdb://"+address+"?tlsVerifyCert=false&userCertFile="+cert+"&userKeyFile="+key, database, Options{}); err != nil {
		t.Errorf("unless it is asked for: %v", err)
	} else {
		_ = s.Close()
	}
}
