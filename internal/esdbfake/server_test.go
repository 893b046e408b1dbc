package esdbfake_test

import (
	"errors"
	"io"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/annals-io/annals/internal/esdbfake"
	"github.com/annals-io/annals/internal/esdbfake/esdbtest"
)

func three() []esdb.EventData {
	var events []esdb.EventData
	for _, typ := range []string{"one", "two", "three"} {
		events = append(events, esdb.EventData{EventType: typ, ContentType: esdb.ContentTypeJson, Data: []byte(`{}`)})
	}
	return events
}

func code(err error) esdb.ErrorCode {
	var of *esdb.Error
	if errors.As(err, &of) {
		return of.Code()
	}
	return -1
}

// types reads a stream to its end.
func types(t *testing.T, c *esdb.Client, stream string, opts esdb.ReadStreamOptions) (got []string, err error) {
	t.Helper()
	r, err := c.ReadStream(t.Context(), stream, opts, 100)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	for {
		e, err := r.Recv()
		if errors.Is(err, io.EOF) {
			return got, nil
		}
		if err != nil {
			return got, err
		}
		got = append(got, e.Event.EventType)
	}
}

func TestAppendAndRead(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]esdbfake.Options{
		"plain": {}, "tls": {CertDir: t.TempDir()}, "users": {CertDir: t.TempDir(), Users: map[string]string{"admin": "changeit"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := esdbtest.Client(t, esdbtest.Start(t, opts).ConnectionString())
			batch := three()
			r, err := c.AppendToStream(t.Context(), "s", esdb.AppendToStreamOptions{ExpectedRevision: esdb.NoStream{}}, batch...)
			if err != nil || r.NextExpectedVersion != 2 || r.CommitPosition == 0 {
				t.Fatalf("%+v, %v", r, err)
			}
			if got, err := types(t, c, "s", esdb.ReadStreamOptions{From: esdb.Revision(1)}); err != nil || len(got) != 2 || got[0] != "two" {
				t.Errorf("forward: %v, %v", got, err)
			}
			if got, err := types(t, c, "s", esdb.ReadStreamOptions{From: esdb.End{}, Direction: esdb.Backwards}); err != nil || len(got) != 3 || got[0] != "three" {
				t.Errorf("backward: %v, %v", got, err)
			}
			if _, err := types(t, c, "none", esdb.ReadStreamOptions{}); code(err) != esdb.ErrorCodeResourceNotFound {
				t.Errorf("a stream that is none: %v", err)
			}
		})
	}
}

func TestExpectedRevisions(t *testing.T) {
	t.Parallel()
	c := esdbtest.Client(t, esdbtest.Start(t, esdbfake.Options{}).ConnectionString())
	add := func(expected esdb.ExpectedRevision) error {
		_, err := c.AppendToStream(t.Context(), "s", esdb.AppendToStreamOptions{ExpectedRevision: expected}, three()[0])
		return err
	}
	for i, tt := range []struct {
		expected esdb.ExpectedRevision
		fits     bool
	}{
		{esdb.StreamExists{}, false}, {esdb.Revision(0), false}, {esdb.NoStream{}, true}, {esdb.NoStream{}, false}, {esdb.Revision(0), true},
		{esdb.Revision(0), false}, {esdb.Revision(9), false}, {esdb.StreamExists{}, true}, {esdb.Any{}, true},
	} {
		if err := add(tt.expected); (err == nil) != tt.fits || err != nil && code(err) != esdb.ErrorCodeWrongExpectedVersion {
			t.Errorf("step %d: %v, want it to fit: %v", i, err, tt.fits)
		}
	}
}

func TestRepeatedAppends(t *testing.T) {
	t.Parallel()
	c := esdbtest.Client(t, esdbtest.Start(t, esdbfake.Options{}).ConnectionString())
	batch := three()
	for i := range batch {
		batch[i].EventID[0] = byte(i + 1)
	}
	first := esdb.AppendToStreamOptions{ExpectedRevision: esdb.NoStream{}}
	for range 2 {
		if r, err := c.AppendToStream(t.Context(), "s", first, batch...); err != nil || r.NextExpectedVersion != 2 {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	mixed := []esdb.EventData{batch[0], three()[1]}
	if _, err := c.AppendToStream(t.Context(), "s", first, mixed...); code(err) != esdb.ErrorCodeWrongExpectedVersion {
		t.Errorf("a batch of which a part is known: %v", err)
	}
	if got, err := types(t, c, "s", esdb.ReadStreamOptions{}); err != nil || len(got) != 3 {
		t.Errorf("%v, %v; want the three written once", got, err)
	}
}

func TestDeletedStreams(t *testing.T) {
	t.Parallel()
	c := esdbtest.Client(t, esdbtest.Start(t, esdbfake.Options{}).ConnectionString())
	add := func() (*esdb.WriteResult, error) {
		return c.AppendToStream(t.Context(), "s", esdb.AppendToStreamOptions{ExpectedRevision: esdb.NoStream{}}, three()...)
	}
	if _, err := add(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.DeleteStream(t.Context(), "s", esdb.DeleteStreamOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := types(t, c, "s", esdb.ReadStreamOptions{}); code(err) != esdb.ErrorCodeResourceNotFound {
		t.Errorf("deleted softly: %v", err)
	}
	if r, err := add(); err != nil || r.NextExpectedVersion != 5 {
		t.Errorf("%+v, %v; want it to go on at 3", r, err)
	}
	if got, err := types(t, c, "s", esdb.ReadStreamOptions{}); err != nil || len(got) != 3 {
		t.Errorf("%v, %v; want what was written since", got, err)
	}
	if _, err := c.TombstoneStream(t.Context(), "s", esdb.TombstoneStreamOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := types(t, c, "s", esdb.ReadStreamOptions{}); code(err) != esdb.ErrorCodeStreamDeleted {
		t.Errorf("reading under a tombstone: %v", err)
	}
	if _, err := add(); err == nil {
		t.Error("a tombstone was written over")
	}
}

func TestTruncatedStreams(t *testing.T) {
	t.Parallel()
	s := esdbtest.Start(t, esdbfake.Options{})
	c := esdbtest.Client(t, s.ConnectionString())
	if _, err := c.AppendToStream(t.Context(), "s", esdb.AppendToStreamOptions{}, three()...); err != nil {
		t.Fatal(err)
	}
	var meta esdb.StreamMetadata
	meta.SetMaxCount(1)
	if _, err := c.SetStreamMetadata(t.Context(), "s", esdb.AppendToStreamOptions{}, meta); err != nil {
		t.Fatal(err)
	}
	if got, err := types(t, c, "s", esdb.ReadStreamOptions{}); err != nil || len(got) != 1 || got[0] != "three" {
		t.Errorf("%v, %v; want the last", got, err)
	}
}

func TestTooMuch(t *testing.T) {
	t.Parallel()
	c := esdbtest.Client(t, esdbtest.Start(t, esdbfake.Options{MaxAppendSize: 1000}).ConnectionString())
	e := three()[0]
	e.Data = make([]byte, 1001)
	if _, err := c.AppendToStream(t.Context(), "s", esdb.AppendToStreamOptions{}, e); err == nil {
		t.Error("it was taken")
	}
	if _, err := types(t, c, "s", esdb.ReadStreamOptions{}); code(err) != esdb.ErrorCodeResourceNotFound {
		t.Errorf("%v; want nothing written", err)
	}
}

func TestSubscriptions(t *testing.T) {
	t.Parallel()
	c := esdbtest.Client(t, esdbtest.Start(t, esdbfake.Options{}).ConnectionString())
	add := func(stream string) {
		t.Helper()
		if _, err := c.AppendToStream(t.Context(), stream, esdb.AppendToStreamOptions{}, three()...); err != nil {
			t.Fatal(err)
		}
	}
	add("a-1")
	add("b-1")
	sub, err := c.SubscribeToAll(t.Context(), esdb.SubscribeToAllOptions{
		From: esdb.Start{}, Filter: &esdb.SubscriptionFilter{Type: esdb.StreamFilterType, Prefixes: []string{"b-"}},
		MaxSearchWindow: 2, CheckpointInterval: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	events, checkpoints, caughtUp := 0, 0, 0
	for events < 6 {
		if events == 3 && caughtUp == 1 {
			caughtUp++
			add("b-2")
		}
		switch e := sub.Recv(); {
		case e.EventAppeared != nil:
			events++
		case e.CheckPointReached != nil:
			checkpoints++
		case e.CaughtUp != nil:
			caughtUp++
		case e.SubscriptionDropped != nil:
			t.Fatal(e.SubscriptionDropped.Error)
		}
	}
	if checkpoints < 3 || caughtUp != 2 {
		t.Errorf("%d checkpoints, %d; want them behind every second event, and caught up once", checkpoints, caughtUp)
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	s := esdbtest.Start(t, esdbfake.Options{CertDir: t.TempDir(), Users: map[string]string{"admin": "right", "other": "x"}})
	config, err := esdb.ParseConnectionString(s.ConnectionString())
	if err != nil {
		t.Fatal(err)
	}
	config.Logger, config.Password = esdb.NoopLogging(), "wrong"
	c, err := esdb.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := types(t, c, "s", esdb.ReadStreamOptions{}); code(err) != esdb.ErrorCodeUnauthenticated {
		t.Errorf("a wrong password: %v", err)
	}
	r, err := c.ReadAll(t.Context(), esdb.ReadAllOptions{Authenticated: &esdb.Credentials{Login: "other", Password: "x"}}, 1)
	if err == nil {
		_, err = r.Recv()
	}
	if code(err) != esdb.ErrorCodeAccessDenied {
		t.Errorf("$all without the right: %v", err)
	}
}

func TestClusterAndFaults(t *testing.T) {
	t.Parallel()
	a := esdbtest.Start(t, esdbfake.Options{})
	b := esdbtest.Start(t, esdbfake.Options{Join: a})
	c := esdbtest.Client(t, a.ClusterString())
	add := func() error {
		_, err := c.AppendToStream(t.Context(), "s", esdb.AppendToStreamOptions{}, three()...)
		return err
	}
	if err := add(); err != nil {
		t.Fatal(err)
	}
	a.Fail(esdbfake.Fault{On: esdbfake.OpAppend, Kind: esdbfake.NotLeader})
	b.Lead()
	if err := add(); code(err) != esdb.ErrorCodeNotLeader {
		t.Errorf("at a node that is not the leader: %v", err)
	}
	if err := add(); err != nil {
		t.Errorf("at the new leader: %v", err)
	}
	b.Fail(esdbfake.Fault{On: esdbfake.OpAppend, Kind: esdbfake.AbortedAfter})
	if err := add(); code(err) != esdb.ErrorAborted {
		t.Errorf("aborted: %v", err)
	}
	b.Fail(esdbfake.Fault{On: esdbfake.OpAppend, Kind: esdbfake.DropAfter})
	if err := add(); err == nil {
		t.Error("the connection was cut, and the client has an answer")
	}
	if err := b.Restart(); err != nil {
		t.Fatal(err)
	}
	for i := 0; ; i++ {
		got, err := types(t, c, "s", esdb.ReadStreamOptions{})
		if err == nil && len(got) == 12 && b.Armed() == 0 {
			break
		}
		if i == 100 {
			t.Fatalf("%d events, %v; want 12", len(got), err)
		}
	}
}
