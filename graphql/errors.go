package graphql

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	gql "github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/annals-io/annals/graphql/limit"
)

// A Fault is a top-level error: a fault of the request, or a state of the server that the caller should know of.
type Fault struct {
	Code    string         // in extensions.code; one of the codes below, never renamed
	Message string         // for people: what is wrong and what to do
	More    map[string]any // further extensions
}

// Codes of faults, besides those of packages transport and limit.
const (
	codeInput       = "BAD_USER_INPUT"           // an argument breaks a rule
	codeForbidden   = "FORBIDDEN"                // the caller lacks the scope
	codeAmbiguous   = "AMBIGUOUS"                // a word means several things
	codeBeforeFirst = "AS_OF_BEFORE_FIRST_EVENT" // the moment is before the workspace began
	codeAhead       = "AS_OF_AHEAD"              // the revision does not exist yet
	codeNeedsTime   = "AS_OF_NEEDS_TIME"         // a revision where several workspaces are asked
	codeStale       = "CONSISTENCY_TIMEOUT"      // atLeast was not reached in time
	codePaused      = "WORKSPACE_PAUSED"         // atLeast will not be reached: an event cannot be applied
	codeOverloaded  = "OVERLOADED"               // too much to do: try again
	codeUnknown     = "OUTCOME_UNKNOWN"          // whether a write happened is not known: send it again with the same key
	codeOutdated    = "READ_MODEL_OUTDATED"      // another version made the read model, and it lacks what is asked: try again when it is rebuilt
	codeForked      = "HISTORY_FORKED"           // a cursor of another course of events
	codeInternal    = "INTERNAL"                 // a fault of ours
	codeCancelled   = "CANCELLED"                // the caller went away
)

func (f *Fault) Error() string { return f.Message }

// errNoWorkspace is answered as null by readers: what one may not see looks like what is not there.
var errNoWorkspace = errors.New("no such workspace")

// invalid is a fault of an argument that breaks a rule.
func invalid(argument, rule, format string, args ...any) error {
	return &Fault{codeInput, fmt.Sprintf(format, args...), map[string]any{"argument": argument, "rule": rule}}
}

// The rules that several arguments break in several places.
const (
	rulePaging    = "A page has first, and perhaps after, or it has last, and perhaps before."
	ruleCursor    = "A cursor is one that this very list gave, with the same filter and order."
	ruleFork      = "A cursor is good for the course of events that it was given in: a database that is restored or copied goes another one."
	ruleTyped     = "An argument has the type that the schema gives it."
	ruleThere     = "It names a thing that is there at the moment asked about: its id, or its natural name."
	ruleOneThing  = "A word means one thing; of several, one is named by its whole name or its id."
	ruleTexts     = "Texts are of any characters but NUL."
	ruleMoment    = "A moment lies between the workspace's first event and now: a revision that it has, or a time up to a minute ahead."
	ruleFiltering = "Values are compared with values that have an order or letters in common; docs/cli.md has the grammar."
)

// outside is a fault of an argument, or of the length of a list, that is out of its bounds.
func outside(argument string, got, least, most int) error {
	rule := fmt.Sprintf("%s is %d to %d", argument, least, most)
	return &Fault{codeInput, fmt.Sprintf("%s is %d; %d to %d", argument, got, least, most), map[string]any{"rule": rule, "argument": argument, "limit": most}}
}

// outdatedRetry is when to ask again for what the read model of another version lacks: a rebuild takes longer, and who
// knows how long.
const outdatedRetry = 10 * time.Second

// lacking is the fault of a field that the read model has no columns for, since another version of the server made it.
func lacking() *Fault {
	return &Fault{codeOutdated, "the read model was made by another version of the server and does not hold this yet: it is being rebuilt, try again later", map[string]any{
		"rule": "What a version of the server adds can be asked for once the read model is rebuilt.", "retryAfterMs": outdatedRetry.Milliseconds()}}
}

// noScope is the fault of a caller whose key may not do something; more says what it would have to be.
func noScope(message string, more map[string]any) error {
	more["reason"] = "scope_missing"
	return &Fault{codeForbidden, message, more}
}

// presenter turns every error into what a client may read. What we did not write for clients is logged, and shown as
// an internal fault, save what passes when the read model is rebuilt.
func presenter(log *slog.Logger, misfit func(error) error) gql.ErrorPresenterFunc {
	return func(ctx context.Context, err error) *gqlerror.Error {
		var fault *Fault
		var shown *gqlerror.Error
		switch {
		case errors.As(err, &fault):
			return shownAs(ctx, fault)
		case errors.Is(err, context.DeadlineExceeded) && errors.Is(context.Cause(ctx), limit.ErrTimeout):
			return shownAs(ctx, &Fault{Code: limit.CodeTimeout, Message: limit.ErrTimeout.Error()})
		case errors.Is(err, context.Canceled):
			return shownAs(ctx, &Fault{Code: codeCancelled, Message: "the caller went away"})
		case errors.As(err, &shown):
			if _, coded := shown.Extensions["code"]; coded {
				return shown
			}
			if ofArgument(ctx, shown) {
				return shownAt(shown, &Fault{codeInput, shown.Message, map[string]any{"rule": ruleTyped}})
			}
		}
		if unstorable(err) {
			return shownAs(ctx, &Fault{codeInput, "a text that was given holds a NUL, which no text here does", map[string]any{"rule": ruleTexts}})
		}
		if other := misfit(err); other != nil {
			log.WarnContext(ctx, "the read model lacks what is asked", "path", path(ctx), "why", other, "err", err)
			return shownAs(ctx, lacking())
		}
		log.ErrorContext(ctx, "graphql resolver failed", "path", path(ctx), "err", err)
		return shownAs(ctx, &Fault{Code: codeInternal, Message: "the server failed to answer this field; it was logged"})
	}
}

// unstorable says that the database was asked about a text that it can hold nowhere: one with a NUL. The states are
// character_not_in_repertoire and untranslatable_character of PostgreSQL.
func unstorable(err error) bool {
	var refused interface{ SQLState() string }
	return errors.As(err, &refused) && (refused.SQLState() == "22021" || refused.SQLState() == "22P05")
}

// ofArgument says that an error is of an argument that could not be read: it lies below the field. One of a resolver
// lies at the field, and its words are not for clients.
func ofArgument(ctx context.Context, err *gqlerror.Error) bool {
	field := gql.GetFieldContext(ctx)
	return err.Err != nil && field != nil && len(err.Path) > len(field.Path())
}

func shownAs(ctx context.Context, f *Fault) *gqlerror.Error {
	err := &gqlerror.Error{}
	if fc := gql.GetFieldContext(ctx); fc != nil {
		err.Path = fc.Path()
		if fc.Field.Field != nil && fc.Field.Position != nil {
			err.Locations = []gqlerror.Location{{Line: fc.Field.Position.Line, Column: fc.Field.Position.Column}}
		}
	}
	return shownAt(err, f)
}

func shownAt(at *gqlerror.Error, f *Fault) *gqlerror.Error {
	out := &gqlerror.Error{Message: f.Message, Path: at.Path, Locations: at.Locations, Extensions: map[string]any{"code": f.Code}}
	for k, v := range f.More {
		out.Extensions[k] = v
	}
	return out
}

func path(ctx context.Context) string {
	if fc := gql.GetFieldContext(ctx); fc != nil {
		return fc.Path().String()
	}
	return ""
}

// recovered logs a panic with its stack; the client learns no more than of any other fault of ours.
func recovered(log *slog.Logger) gql.RecoverFunc {
	return func(ctx context.Context, p any) error {
		log.ErrorContext(ctx, "graphql resolver panicked", "path", path(ctx), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		return &Fault{Code: codeInternal, Message: "the server failed to answer this field; it was logged"}
	}
}
