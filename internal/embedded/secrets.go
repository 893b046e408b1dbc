package embedded

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strconv"
)

// The database and its three roles. The server does not own its tables, so that no statement of its, however
// it came about, may alter or truncate the log.
const (
	databaseName = "annals"
	roleAdmin    = "annals_admin"
	roleOwner    = "annals_owner"
	roleServer   = "annals_server"
)

// secrets are the roles' passwords, random, made with the cluster.
type secrets struct {
	Admin  string `json:"admin"`
	Owner  string `json:"owner"`
	Server string `json:"server"`
}

func newSecrets() secrets {
	return secrets{Admin: rand.Text(), Owner: rand.Text(), Server: rand.Text()}
}

func readSecrets(path string) (secrets, error) {
	var s secrets
	text, err := os.ReadFile(path)
	if err != nil {
		return s, fmt.Errorf("read the passwords of the database: %w", err)
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("read the passwords of the database in %s: %w", path, err)
	}
	return s, nil
}

func (s secrets) write(path string) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the passwords of the database: %w", err)
	}
	return writeFile(path, string(text)+"\n", 0o600)
}

// connectionString speaks to the endpoint of the running postmaster.
func (s *Server) connectionString(role, password, database string) string {
	s.mu.Lock()
	at := s.post.endpoint
	s.mu.Unlock()
	return at.connectionString(role, password, database)
}

// endpoint is where a postmaster listens: a directory with its socket, or a loopback port.
type endpoint struct {
	socketDir string
	port      int
}

func (e endpoint) connectionString(role, password, database string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(role, password), Path: "/" + database}
	if e.socketDir != "" {
		u.RawQuery = url.Values{"host": {e.socketDir}, "port": {strconv.Itoa(e.port)}}.Encode()
		return u.String()
	}
	u.Host = "127.0.0.1:" + strconv.Itoa(e.port)
	u.RawQuery = "sslmode=disable"
	return u.String()
}
