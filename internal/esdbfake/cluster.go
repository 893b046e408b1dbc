package esdbfake

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
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
	if err := s.take(OpGossip).before(s, ctx, nil); err != nil {
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

// GetSupportedMethods tells the version.
func (s *Server) GetSupportedMethods(context.Context, *shared.Empty) (*serverfeatures.SupportedMethods, error) {
	var methods []*serverfeatures.SupportedMethod
	for _, name := range []string{"read", "append", "delete", "tombstone"} {
		methods = append(methods, &serverfeatures.SupportedMethod{MethodName: name, ServiceName: "event_store.client.streams.streams"})
	}
	return &serverfeatures.SupportedMethods{Methods: methods, EventStoreServerVersion: s.opts.Version}, nil
}

// LoseCreated has this node leave out, from now on, when events were created: what no server does and one client
// dies of.
func (s *Server) LoseCreated() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noCreatedTime = true
}

// sent is a record as this node sends it.
func (s *Server) sent(r *record) *streams.ReadResp {
	p := r.proto()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.noCreatedTime {
		delete(p.GetEvent().GetEvent().Metadata, "created")
	}
	return p
}
