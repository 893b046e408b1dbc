package esdb

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"
)

// settings are the options a connection string may have. The client only warns of others, and a mistyped "tls" is
// not something to go on with.
var settings = []string{
	"discoveryInterval", "gossipTimeout", "maxDiscoverAttempts", "nodePreference", "keepAliveInterval", "keepAliveTimeout",
	"tls", "tlsCaFile", "tlsVerifyCert", "userCertFile", "userKeyFile", "defaultDeadline",
}

// Check says what is wrong with a connection string, as far as can be told without connecting.
func Check(connection string) error {
	_, err := parse(connection)
	return err
}

// parse reads a connection string. Its errors say what is wrong and never repeat the password.
func parse(connection string) (*client.Configuration, error) {
	scheme, _, found := strings.Cut(connection, "://")
	if !found || scheme != "esdb" && scheme != "esdb+discover" {
		return nil, errors.New("the connection string of the event store begins with esdb:// or esdb+discover://, as in esdb://user:password@host:2113?tls=true")
	}
	if err := checkSettings(connection); err != nil {
		return nil, err
	}
	config, err := client.ParseConnectionString(connection)
	if err != nil {
		var ofURL *url.Error
		if errors.As(err, &ofURL) {
			err = ofURL.Err // without the text of the URL, which holds the password
		}
		return nil, fmt.Errorf("the connection string of the event store: %w", err)
	}
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("the connection string of the event store: %w", err)
	}
	if config.UserCertFile != "" {
		if _, err := tls.LoadX509KeyPair(config.UserCertFile, config.UserKeyFile); err != nil {
			return nil, fmt.Errorf("the connection string of the event store: the user's certificate of userCertFile and userKeyFile: %w", err)
		}
	}
	if config.NodePreference != client.NodePreferenceLeader {
		return nil, fmt.Errorf("the connection string of the event store asks for nodePreference=%s: what was written must be read at once, which only the leader promises; leave it out", config.NodePreference)
	}
	return config, nil
}

func checkSettings(connection string) error {
	_, query, _ := strings.Cut(connection, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return fmt.Errorf("the connection string of the event store: its options cannot be read: %w", err)
	}
	for key, value := range values {
		known := slices.ContainsFunc(settings, func(s string) bool { return strings.EqualFold(s, key) })
		if !known {
			return fmt.Errorf("the connection string of the event store has the option %q, which there is not; there are %s", key, strings.Join(settings, ", "))
		}
		if strings.EqualFold(key, "defaultDeadline") { // the client takes anything for none
			if n, err := strconv.Atoi(value[0]); err != nil || n < 1 {
				return fmt.Errorf("the connection string of the event store: defaultDeadline=%s; it is a number of milliseconds", value[0])
			}
		}
	}
	return nil
}

// callDeadline bounds a single call; the whole of what it is part of is bounded by the caller's context.
func callDeadline(config *client.Configuration) time.Duration {
	if config.DefaultDeadline != nil {
		return *config.DefaultDeadline
	}
	return 10 * time.Second
}

// maxMessage is the longest message taken from a server, in bytes: an event may have 16 MiB.
const maxMessage = 17 << 20

// dial prepares a connection; nothing is sent yet.
func dial(config *client.Configuration, address string) (*grpc.ClientConn, error) {
	options := []grpc.DialOption{
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 20 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
			MinConnectTimeout: time.Duration(config.GossipTimeout) * time.Second,
		}),
	}
	if config.KeepAliveInterval >= 0 {
		options = append(options, grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: config.KeepAliveInterval, Timeout: config.KeepAliveTimeout, PermitWithoutStream: true,
		}))
	}
	transport := insecure.NewCredentials()
	if !config.DisableTLS {
		secure := &tls.Config{InsecureSkipVerify: config.SkipCertificateVerification, RootCAs: config.RootCAs, MinVersion: tls.VersionTLS12}
		if config.UserCertFile != "" {
			pair, err := tls.LoadX509KeyPair(config.UserCertFile, config.UserKeyFile)
			if err != nil {
				return nil, fmt.Errorf("load the user's certificate: %w", err)
			}
			secure.Certificates = []tls.Certificate{pair}
		}
		transport = credentials.NewTLS(secure)
	}
	conn, err := grpc.NewClient(address, append(options, grpc.WithTransportCredentials(transport))...)
	if err != nil {
		return nil, fmt.Errorf("prepare a connection to %s: %w", address, err)
	}
	return conn, nil
}

// headers go with every call. A password is sent over TLS only; a server without TLS asks for none.
func headers(config *client.Configuration) []string {
	h := []string{"requires-leader", "true"}
	if config.Username != "" && !config.DisableTLS {
		h = append(h, "authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(config.Username+":"+config.Password)))
	}
	return h
}
