package esdb

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/annals-io/annals/eventstore"
)

// What a server answers besides data.
var (
	errNoStream   = errors.New("there is no such stream")
	errTombstone  = errors.New("the stream was deleted for ever")
	errNotLeader  = errors.New("the server is not the leader")
	errUnclear    = errors.New("the call failed")
	errUnreadable = errors.New("the server's answer makes no sense")
)

// A refusal is a call that failed: what it was for us, and the server's words.
type refusal struct {
	kind  error // one of those above
	cause error
	hint  string // the leader's address, where the server told it
}

func (r *refusal) Error() string { return fmt.Sprintf("%s: %s", r.kind, r.cause) }

// Unwrap gives both.
func (r *refusal) Unwrap() []error { return []error{r.kind, r.cause} }

// judge reads the error of a call with its trailers.
func judge(err error, trailer metadata.MD) error {
	first := func(key string) string { return strings.Join(trailer.Get(key), "") }
	switch first("exception") {
	case "not-leader":
		hint := ""
		if host, port := first("leader-endpoint-host"), first("leader-endpoint-port"); host != "" && port != "" {
			hint = host + ":" + port
		}
		return &refusal{kind: errNotLeader, cause: err, hint: hint}
	case "stream-deleted":
		return errTombstone
	case "maximum-append-size-exceeded":
		limit, _ := strconv.Atoi(first("maximum-append-size"))
		return &eventstore.TooLargeError{Limit: limit}
	}
	switch status.Code(err) {
	case codes.Unauthenticated, codes.PermissionDenied:
		return &eventstore.AccessDeniedError{Cause: err}
	}
	return &refusal{kind: errUnclear, cause: err}
}

// definite says whether a failed append certainly wrote nothing and would fail again.
func definite(err error) bool {
	var tooLarge *eventstore.TooLargeError
	var denied *eventstore.AccessDeniedError
	if errors.Is(err, errTombstone) || errors.As(err, &tooLarge) || errors.As(err, &denied) {
		return true
	}
	var r *refusal
	if !errors.As(err, &r) {
		return false
	}
	switch status.Code(r.cause) {
	case codes.InvalidArgument, codes.FailedPrecondition, codes.Unimplemented:
		return true
	}
	return false
}

// unavailable is what a read that failed for good answers.
func unavailable(ctx context.Context, err error) error {
	var ours *eventstore.AccessDeniedError
	var damaged *eventstore.DamagedError
	var away *eventstore.UnavailableError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &ours), errors.As(err, &damaged), errors.As(err, &away):
		return err
	case ctx.Err() != nil:
		return &eventstore.UnavailableError{Cause: fmt.Errorf("%w: %w", ctx.Err(), err)}
	}
	return &eventstore.UnavailableError{Cause: err}
}
