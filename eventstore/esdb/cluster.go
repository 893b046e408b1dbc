package esdb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
)

// A cluster knows where the leader is, or finds out. Whoever waits for it waits no longer than his context.
type cluster struct {
	config  *client.Configuration
	headers []string
	prefix  string // of all names of streams of ours
	log     *slog.Logger

	finding chan struct{} // held by who looks for the leader
	mu      sync.Mutex
	at      *node
	hint    string // where the leader is, as another node said
	closed  bool
}

// A node is a connection to one server.
type node struct {
	address string
	conn    *grpc.ClientConn
	streams streams.StreamsClient
}

var errClosed = errors.New("the store is closed")

func newCluster(config *client.Configuration, prefix string, log *slog.Logger) *cluster {
	return &cluster{config: config, headers: headers(config), prefix: prefix, log: log, finding: make(chan struct{}, 1)}
}

// outgoing is the context of a call.
func (c *cluster) outgoing(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, c.headers...)
}

// leader is the node to talk to.
func (c *cluster) leader(ctx context.Context) (*node, error) {
	if n, err := c.current(); n != nil || err != nil {
		return n, err
	}
	select {
	case c.finding <- struct{}{}:
		defer func() { <-c.finding }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if n, err := c.current(); n != nil || err != nil {
		return n, err
	}
	address, err := c.find(ctx)
	if err != nil {
		return nil, err
	}
	conn, err := dial(c.config, address)
	if err != nil {
		return nil, err
	}
	n := &node{address: address, conn: conn, streams: streams.NewStreamsClient(conn)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		_ = conn.Close()
		return nil, errClosed
	}
	c.at, c.hint = n, ""
	return n, nil
}

func (c *cluster) current() (*node, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errClosed
	}
	return c.at, nil
}

// leave gives a node up, if it is still the one that is used: the next call looks for the leader, first where it was
// said to be. A single server is kept, since its connection mends itself.
func (c *cluster) leave(n *node, hint string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at != n || hint == "" && !c.many() {
		return
	}
	c.at, c.hint = nil, hint
	_ = n.conn.Close()
	c.log.Info("looking for the leader of the event store", "left", n.address, "hint", hint)
}

func (c *cluster) many() bool { return c.config.DnsDiscover || len(c.config.GossipSeeds) > 0 }

func (c *cluster) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.at != nil {
		_ = c.at.conn.Close()
		c.at = nil
	}
}

// find asks around, as often as the connection string says.
func (c *cluster) find(ctx context.Context) (string, error) {
	c.mu.Lock()
	hint := c.hint
	c.hint = ""
	c.mu.Unlock()
	if hint != "" {
		return hint, nil
	}
	if !c.many() {
		return c.config.Address, nil
	}
	seeds := []string{c.config.Address}
	if !c.config.DnsDiscover {
		seeds = nil
		for _, seed := range c.config.GossipSeeds {
			seeds = append(seeds, seed.String())
		}
	}
	var last error
	for range max(1, c.config.MaxDiscoverAttempts) {
		for _, seed := range seeds {
			address, err := c.ask(ctx, seed)
			if err == nil {
				return address, nil
			}
			last = err
		}
		select {
		case <-time.After(time.Duration(c.config.DiscoveryInterval) * time.Millisecond):
		case <-ctx.Done():
			return "", errors.Join(ctx.Err(), last)
		}
	}
	return "", last
}

// ask has a node tell who is the leader.
func (c *cluster) ask(ctx context.Context, seed string) (string, error) {
	conn, err := dial(c.config, seed)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, time.Duration(cmp.Or(c.config.GossipTimeout, 5))*time.Second)
	defer cancel()
	info, err := gossip.NewGossipClient(conn).Read(ctx, &shared.Empty{})
	if err != nil {
		return "", fmt.Errorf("ask %s who leads: %w", seed, err)
	}
	var members []string
	for _, m := range info.GetMembers() {
		address := fmt.Sprintf("%s:%d", m.GetHttpEndPoint().GetAddress(), m.GetHttpEndPoint().GetPort())
		if m.GetIsAlive() && m.GetState() == gossip.MemberInfo_Leader {
			return address, nil
		}
		members = append(members, address+" "+m.GetState().String())
	}
	return "", fmt.Errorf("the cluster has no leader yet, says %s: %s", seed, strings.Join(members, ", "))
}
