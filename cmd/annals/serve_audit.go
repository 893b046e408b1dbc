package main

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/annals-io/annals/audit/checkpoint"
	"github.com/annals-io/annals/audit/history"
	"github.com/annals-io/annals/audit/seal"
	"github.com/annals-io/annals/audit/sink"
)

// auditKeyFile is the key that seals history, in the data directory.
const auditKeyFile = "audit.key"

// auditKeyPath is where the key that seals history lies.
func auditKeyPath(file, data string) string {
	if file != "" {
		return file
	}
	return filepath.Join(data, auditKeyFile)
}

// openAudit prepares sealing. The first start makes the key and, with it, the instance's name for good.
func (s *server) openAudit(f serveFlags, out io.Writer) error {
	path := auditKeyPath(f.auditKey, f.data)
	var signer *checkpoint.Signer
	var err error
	if f.auditKey != "" { // one that was named is there, or the name is wrong
		signer, err = checkpoint.Load(path)
	} else {
		var name string
		if name, err = f.instanceName(); err != nil {
			return err
		}
		var made bool
		if signer, made, err = checkpoint.Ensure(path, name); made {
			s.log.Info("made the key that seals history: back it up, and give auditors the verifier key", "file", path, "key", signer.Key().String())
		}
	}
	if err != nil {
		return err
	}
	var sinks []seal.Sink
	for _, place := range f.auditSinks {
		to, err := sink.Parse(place, out)
		if err != nil {
			return err
		}
		sinks = append(sinks, to)
	}
	s.history, err = seal.New(seal.Config{Pool: s.pool, Source: s.store, Origin: history.NewOrigins(s.store.Pool()).Of, Signer: signer, KeyFile: path, Sinks: sinks, Logger: s.log, Hooks: s.metrics.sealed()})
	return err
}

// instanceName is what an instance that has no name yet is called: by where it is reached, or anyhow.
func (f serveFlags) instanceName() (string, error) {
	if u, err := url.Parse(f.publicURL); err == nil && u.Hostname() != "" {
		return strings.ToLower(u.Hostname()), nil
	}
	b := make([]byte, 6)
	if _, err := rand.Read(b); err != nil {
		return "", fmt.Errorf("name the instance: %w", err)
	}
	return "annals-" + hex.EncodeToString(b), nil
}

// sealStatus is how sealing stands.
type sealStatus struct {
	Key string `json:"key"` // that history is checked by
	seal.State
}

func (s *server) sealStatus() *sealStatus {
	state := s.history.State()
	state.Stopped = append([]seal.Stop{}, state.Stopped...)
	return &sealStatus{s.history.Signer.Key().String(), state}
}

// sealing is what /readyz says of sealing: that something is wrong, and never of which workspace, since anybody may ask.
func (s *server) sealing() string {
	switch state := s.history.State(); {
	case len(state.Stopped) > 0:
		return "ALARM: a history is not what was sealed: `annals doctor` says more\n"
	case state.Fault != "":
		return "history is not sealed: `annals doctor` says why\n"
	}
	return ""
}

// auditKeys are the verifier keys of an instance.
type auditKeys struct {
	Key    string   `json:"key" doc:"By which everything is signed now."`
	Former []string `json:"former" doc:"By which older checkpoints are signed."`
}

func (s *server) auditKey(w http.ResponseWriter, _ *http.Request) {
	answerJSON(w, http.StatusOK, keysOf(s.history.Signer))
}

func keysOf(signer *checkpoint.Signer) auditKeys {
	out := auditKeys{signer.Key().String(), []string{}}
	for _, k := range signer.Keys()[1:] {
		out.Former = append(out.Former, k.String())
	}
	return out
}
