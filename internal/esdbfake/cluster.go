package esdbfake

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"
	"google.golang.org/grpc/metadata"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
)

// Lead makes this node the leader of its cluster.
func (s *Server) Lead() {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.log.leader = s
}

// ClusterString names all nodes of the cluster as gossip seeds.
func (s *Server) ClusterString() string {
	s.log.mu.Lock()
	nodes := slices.Clone(s.log.nodes)
	s.log.mu.Unlock()
	addresses := make([]string, len(nodes))
	for i, n := range nodes {
		addresses[i] = n.Address()
	}
	return strings.Replace(s.ConnectionString(), s.Address(), strings.Join(addresses, ","), 1)
}

// A gossiper is a server; both have a method Read.
type gossiper Server

// Read tells who is in the cluster.
func (g *gossiper) Read(ctx context.Context, _ *shared.Empty) (*gossip.ClusterInfo, error) {
	s := (*Server)(g)
	if err := s.take(OpGossip).before(s, ctx, func(metadata.MD) {}); err != nil {
		return nil, err
	}
	s.log.mu.Lock()
	nodes, leader := slices.Clone(s.log.nodes), s.log.leader
	s.log.mu.Unlock()
	info := &gossip.ClusterInfo{}
	for _, n := range nodes {
		state := gossip.MemberInfo_Follower
		if n == leader {
			state = gossip.MemberInfo_Leader
		}
		info.Members = append(info.Members, &gossip.MemberInfo{
			InstanceId: protoID(uuid.NewSHA1(uuid.Nil, []byte(n.Address()))), State: state, IsAlive: n.alive(),
			HttpEndPoint: &gossip.EndPoint{Address: n.host(), Port: uint32(n.port())},
		})
	}
	return info, nil
}

func (s *Server) alive() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.served:
		return false
	default:
		return true
	}
}

// follows refuses a call that requires the leader at a node that is none, and tells who is.
func (s *Server) follows(ctx context.Context, set trailer) error {
	md, _ := metadata.FromIncomingContext(ctx)
	s.log.mu.Lock()
	leader := s.log.leader
	s.log.mu.Unlock()
	if required := md.Get("requires-leader"); leader == s || len(required) == 0 || !strings.EqualFold(required[0], "true") {
		return nil
	}
	return refuseFollower(set, leader)
}
