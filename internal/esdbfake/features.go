package esdbfake

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
)

// GetSupportedMethods tells the version, and the methods that there are: clients choose by them.
func (s *Server) GetSupportedMethods(context.Context, *shared.Empty) (*serverfeatures.SupportedMethods, error) {
	answer := &serverfeatures.SupportedMethods{EventStoreServerVersion: s.opts.Version}
	for service, methods := range map[string]map[string][]string{
		"event_store.client.streams.streams": {
			"read": {"position", "events"}, "append": nil, "delete": nil, "tombstone": nil, "batchappend": {"deadline_duration"},
		},
		"event_store.client.gossip.gossip":                  {"read": nil},
		"event_store.client.server_features.serverfeatures": {"getsupportedmethods": nil},
	} {
		for method, features := range methods {
			answer.Methods = append(answer.Methods, &serverfeatures.SupportedMethod{ServiceName: service, MethodName: method, Features: features})
		}
	}
	return answer, nil
}

// newer says whether the server plays this version or a later one.
func (s *Server) newer(major, minor int) bool {
	var is [2]int
	_, _ = fmt.Sscanf(s.opts.Version, "%d.%d", &is[0], &is[1]) // what cannot be read is old
	return is[0] > major || is[0] == major && is[1] >= minor
}

// unknown answers calls of services that are not here: who comes with a wrong password hears that first.
func (s *Server) unknown(_ any, call grpc.ServerStream) error {
	if _, err := s.caller(call.Context()); errors.Is(err, errUnauthenticated) {
		return err
	}
	method, _ := grpc.MethodFromServerStream(call)
	return status.Error(codes.Unimplemented, "there is no method "+method)
}
