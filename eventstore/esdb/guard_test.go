package esdb_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/esdb"
	"github.com/annals-io/annals/internal/esdbfake"
	"github.com/annals-io/annals/internal/esdbfake/esdbtest"
)

func TestConnectionStringsWithMistakes(t *testing.T) {
	t.Parallel()
	for connection, says := range map[string]string{
		"":                                       "begins with esdb://",
		"postgres://u:secret@localhost":          "begins with esdb://",
		"edsb://u:secret@localhost:2113":         "begins with esdb://",
		"esdb://u:secret@localhost:2113?tsl=no":  `"tsl"`,
		"esdb://u:secret@localhost:2113?tls=no":  "true or false",
		"esdb://u:secret@localhost:port":         "port",
		"esdb://u:secret@":                       "host",
		"esdb://u:secret@localhost/path":         "path",
		"esdb://u:sec%ret@localhost":             "escape",
		"esdb://localhost?defaultDeadline=soon":  "defaultDeadline",
		"esdb://localhost?gossipTimeout=x":       "gossipTimeout",
		"esdb://localhost?tlsCaFile=nowhere.crt": "nowhere.crt",
		"esdb://localhost?userCertFile=a.crt":    "userKeyFile",
		"esdb://h?nodePreference=follower":       "nodePreference",
		"esdb://h?nodePreference=x":              "NodePreference",
		"esdb://h?tls=true&;":                    "options",
	} {
		_, err := esdb.Open(t.Context(), connection, "", esdb.Options{})
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "sec%ret") {
			t.Errorf("%q: %v; want an error that says %q and no password", connection, err, says)
		}
	}
}

// Whatever is wrong with the server, opening ends with its context and says what.
func TestOpeningWhatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	database := beside(t)
	half := esdbtest.Start(t, esdbfake.Options{})
	half.Fail(esdbfake.Fault{On: esdbfake.OpGossip, Kind: esdbfake.NotReady, Times: 1 << 20})
	mute := esdbtest.Start(t, esdbfake.Options{})
	mute.Fail(esdbfake.Fault{On: esdbfake.OpRead, Kind: esdbfake.HangBefore, Times: 1 << 20})
	gone := esdbtest.Start(t, esdbfake.Options{})
	gone.Stop()
	for name, connection := range map[string]string{
		"unreachable": gone.ConnectionString(), "mute": mute.ConnectionString(),
		"a half-started cluster": strings.Replace(half.ConnectionString(), "?", ","+gone.Address()+"?", 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			began := time.Now()
			_, err := esdb.Open(ctx, connection, database, esdb.Options{})
			var away *eventstore.UnavailableError
			if !errors.As(err, &away) || time.Since(began) > 10*time.Second {
				t.Errorf("%v after %s; want unavailable, in time", err, time.Since(began))
			}
		})
	}
}

// A server that is away while commands come is told of, not waited for without end; when it is back all goes on.
func TestServerThatComesBack(t *testing.T) {
	t.Parallel()
	server := esdbtest.Start(t, esdbfake.Options{})
	s := open(t, impatient(server.ConnectionString()), beside(t))
	sl := slice(stream, eventstore.NoStream, 1)
	server.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	_, err := s.Append(ctx, []eventstore.Slice{sl})
	var away *eventstore.UnavailableError
	var unknown *eventstore.OutcomeUnknownError
	if !errors.As(err, &away) && !errors.As(err, &unknown) {
		t.Errorf("while it is away: %v", err)
	}
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	if r := appendOne(t, s, sl); r.Err != nil {
		t.Errorf("when it is back: %v", r.Err)
	}
	if err := once(t, s, stream, sl); err != nil {
		t.Error(err)
	}
}

func TestPasswordsAndAccessLists(t *testing.T) {
	t.Parallel()
	server := esdbtest.Start(t, esdbfake.Options{CertDir: t.TempDir(), Users: map[string]string{"admin": "right", "other": "x"}})
	database := beside(t)
	var denied *eventstore.AccessDeniedError
	for _, wrong := range []string{"admin:wrong@", "nobody:right@", "other:x@", ""} {
		connection := strings.Replace(server.ConnectionString(), "admin:right@", wrong, 1)
		if _, err := esdb.Open(t.Context(), connection, database, esdb.Options{}); !errors.As(err, &denied) {
			t.Errorf("as %q: %v, want access denied", wrong, err)
		}
	}
	s := open(t, server.ConnectionString(), database)
	mustAppend(t, s, slice(stream, eventstore.NoStream, 2), slice(stream, 1, 1))
	if acl := server.Metadata(string(stream)); !strings.Contains(acl, `"$d":["$admins"]`) || !strings.Contains(acl, `"$w":["admin","$admins"]`) {
		t.Errorf("the access list is %q", acl)
	}
	if p, err := s.ReadAll(t.Context(), eventstore.Position{}, 10); err != nil || len(p.Events) != 3 {
		t.Errorf("%d events, %v; want 3, without what the server keeps for itself", len(p.Events), err)
	}
}

func TestStreamsThatLoseEventsAreRefused(t *testing.T) {
	t.Parallel()
	for _, meta := range []string{`{"$maxCount":100}`, `{"$maxAge":3600}`, `{"$tb":2}`, `{"$tb":9223372036854775807}`} {
		t.Run(meta, func(t *testing.T) {
			t.Parallel()
			server := esdbtest.Start(t, esdbfake.Options{})
			database := beside(t)
			s := open(t, server.ConnectionString(), database)
			mustAppend(t, s, slice(stream, eventstore.NoStream, 6))
			server.Truncate(string(stream), meta)
			_, err := s.ReadAll(t.Context(), eventstore.Position{}, 100) // who follows the log meets it
			wantDamaged(t, err, stream)
			wantDamaged(t, appendOne(t, s, slice(stream, 5, 1)).Err, stream)
			again := open(t, server.ConnectionString(), database)
			wantDamaged(t, appendOne(t, again, slice(stream, eventstore.NoStream, 1)).Err, stream)
			if r := appendOne(t, again, slice("workspace-b", eventstore.NoStream, 1)); r.Err != nil {
				t.Errorf("another stream: %v", r.Err)
			}
			server.Truncate(string(stream), `{}`)
			if r := appendOne(t, again, slice(stream, 5, 1)); r.Err != nil {
				t.Errorf("after it was mended, with nothing lost yet: %v", r.Err)
			}
		})
	}
}

func TestAlteredEventsAreDamage(t *testing.T) {
	t.Parallel()
	server := esdbtest.Start(t, esdbfake.Options{})
	s := open(t, server.ConnectionString(), beside(t))
	mustAppend(t, s, slice(stream, eventstore.NoStream, 6))
	server.Alter(string(stream), 3, `{"altered":true}`)
	_, err := s.ReadStream(t.Context(), stream, 0, eventstore.Forward, 10)
	wantDamaged(t, err, stream)
	_, err = s.ReadAll(t.Context(), eventstore.Position{}, 10)
	wantDamaged(t, err, stream)
}

func TestForeignStreamsInTheWay(t *testing.T) {
	t.Parallel()
	server := esdbtest.Start(t, esdbfake.Options{})
	server.Put(string(stream), "order-placed", `{"by":"somebody else"}`)
	s := open(t, server.ConnectionString(), beside(t))
	wantDamaged(t, appendOne(t, s, slice(stream, eventstore.NoStream, 1)).Err, stream)
	wantDamaged(t, appendOne(t, s, slice(stream, eventstore.Any, 1)).Err, stream)
	server.Put("orders-1", "order-placed", `{}`)
	own := slice("workspace-b", eventstore.NoStream, 2)
	mustAppend(t, s, own)
	server.Put("orders-1", "order-paid", `{}`)
	p, err := s.ReadAll(t.Context(), eventstore.Position{}, 10)
	if err != nil || len(p.Events) != 2 || !p.CaughtUp {
		t.Errorf("%d events, %v; want those of ours alone", len(p.Events), err)
	}
	if next, err := s.ReadAll(t.Context(), p.Next, 10); err != nil || len(next.Events) != 0 {
		t.Errorf("behind them: %d events, %v", len(next.Events), err)
	}
	server.Put("workspace-b", "intruder", `{}`)
	wantDamaged(t, appendOne(t, s, slice("workspace-b", eventstore.Any, 1)).Err, "workspace-b")
}

func TestTooLargeForTheServer(t *testing.T) {
	t.Parallel()
	server := esdbtest.Start(t, esdbfake.Options{MaxAppendSize: 4000})
	s := open(t, server.ConnectionString(), beside(t))
	mustAppend(t, s, slice(stream, eventstore.NoStream, 1))
	results, err := s.Append(t.Context(), []eventstore.Slice{slice(stream, 0, 20), slice(stream, 20, 1), slice(stream, 0, 1)})
	var tooLarge *eventstore.TooLargeError
	var wrong *eventstore.WrongExpectedError
	if err != nil || !errors.As(results[0].Err, &tooLarge) || tooLarge.Limit != 4000 {
		t.Fatalf("%v, %+v; want it too large for 4000 bytes", err, results)
	}
	if !errors.As(results[1].Err, &wrong) || results[2].Err != nil || results[2].First != 1 {
		t.Errorf("what counted on it: %+v; what did not: %+v", results[1], results[2])
	}
}

// An answer without the time of creation ends the process of who uses the client's own readers.
func TestAnswersWithoutCreationTime(t *testing.T) {
	t.Parallel()
	server := esdbtest.Start(t, esdbfake.Options{})
	s := open(t, server.ConnectionString(), beside(t))
	sl := slice(stream, eventstore.NoStream, 3)
	mustAppend(t, s, sl)
	server.LoseCreated()
	if err := once(t, s, stream, sl); err != nil {
		t.Error(err)
	}
}

func TestCommandsAreKnownWithoutTheTable(t *testing.T) {
	t.Parallel()
	server := esdbtest.Start(t, esdbfake.Options{})
	s := open(t, server.ConnectionString(), beside(t))
	first := command(stream, eventstore.NoStream, "a", 2)
	mustAppend(t, s, first, command(stream, 1, "b", 1))
	fresh := open(t, server.ConnectionString(), beside(t)) // the database beside it was lost
	if r := appendOne(t, fresh, command(stream, 2, "a", 2)); !r.Duplicate || r.First != 0 || r.Last != 1 {
		t.Errorf("%+v, want it known from the stream", r)
	}
	known, err := fresh.Commands(t.Context(), stream, []string{"a", "b", "c"})
	if err != nil || len(known) != 2 || known["b"].First != 2 {
		t.Errorf("%v, %v", known, err)
	}
}

// Two servers share one log and one database: what one appended, the other knows before it decides.
func TestCommandsOfAnotherServerAreKnown(t *testing.T) {
	t.Parallel()
	server := esdbtest.Start(t, esdbfake.Options{})
	database := beside(t)
	one, two := open(t, server.ConnectionString(), database), open(t, server.ConnectionString(), database)
	mustAppend(t, one, command(stream, eventstore.NoStream, "a", 1))
	mustAppend(t, two, command(stream, 0, "b", 1))
	for i, s := range []*esdb.Store{one, two} {
		for id, at := range map[string]domain.Revision{"a": 0, "b": 1} {
			if r := appendOne(t, s, command(stream, eventstore.Any, id, 1)); !r.Duplicate || r.First != at {
				t.Errorf("store %d, command %s: %+v, want it known at %d", i, id, r, at)
			}
		}
	}
}

func TestADatabaseWithALogOfItsOwn(t *testing.T) {
	t.Parallel()
	database := beside(t)
	s := open(t, esdbtest.Start(t, esdbfake.Options{}).ConnectionString(), database)
	if _, err := s.Pool().Exec(t.Context(), `INSERT INTO log.events (position, revision, recorded_at, occurred_at, stream, version, event_id, subject, kind, type, data, meta)
		VALUES (1, 0, now(), now(), 1, 1, gen_random_uuid(), gen_random_uuid(), 'run', 'x', '', '')`); err != nil {
		t.Fatal(err)
	}
	_, err := esdb.Open(t.Context(), esdbtest.Start(t, esdbfake.Options{}).ConnectionString(), database, esdb.Options{})
	if err == nil || !strings.Contains(err.Error(), "log of its own") {
		t.Errorf("got %v, want it refused", err)
	}
}
