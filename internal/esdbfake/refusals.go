package esdbfake

import (
	"strconv"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// A trailer is how a call hands metadata to its end: what went wrong is told there, in pairs that clients read.
type trailer func(metadata.MD)

// refuse ends a call as the server does: a code, a sentence, and pairs behind the name of the exception.
func refuse(set trailer, code codes.Code, sentence, exception string, pairs ...string) error {
	set(metadata.Pairs(append([]string{"exception", exception}, pairs...)...))
	return status.Error(code, sentence)
}

func refuseAccess(set trailer) error {
	return refuse(set, codes.PermissionDenied, "Access Denied", "access-denied")
}

func refuseDeleted(set trailer, stream string) error {
	return refuse(set, codes.FailedPrecondition, "Event stream '"+stream+"' is deleted.", "stream-deleted", "stream-name", stream)
}

func refuseSize(set trailer, most int) error {
	text := strconv.Itoa(most)
	return refuse(set, codes.InvalidArgument, "Maximum Append Size of "+text+" Exceeded.", "maximum-append-size-exceeded", "maximum-append-size", text)
}

func refuseProperty(set trailer, missing string) error {
	return refuse(set, codes.InvalidArgument, "Required Metadata Property '"+missing+"' is missing",
		"missing-required-metadata-property", "required-metadata-properties", "type,content-type")
}

// refuseDelete is for deletions; an append that meets another revision is an answer, not an error.
func refuseDelete(set trailer, stream string, expected expectation, current int64) error {
	is, was := strconv.FormatInt(current, 10), strconv.FormatInt(int64(expected), 10)
	return refuse(set, codes.FailedPrecondition,
		"Delete failed due to WrongExpectedVersion. Stream: "+stream+", Expected version: "+was+", Actual version: "+is,
		"wrong-expected-version", "stream-name", stream, "expected-version", was, "actual-version", is)
}

// refuseFollower tells who leads.
func refuseFollower(set trailer, leader *Server) error {
	return refuse(set, codes.NotFound, "Leader info available", "not-leader",
		"leader-endpoint-host", leader.host(), "leader-endpoint-port", strconv.Itoa(leader.port()))
}
