package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The files by which a server tells programs on its own machine where it is. They lie in its data directory.
const (
	addressFile  = "address"       // http://127.0.0.1:8080, while it runs
	firstKeyFile = "first-api-key" // mode 0600
)

// endpoint is the server to speak to and the key to use: as set; else those of the profile that was asked for; else those
// of the instance in the data directory; else those of the current profile.
func (a *app) endpoint() (address, key string, err error) {
	if address, err = a.address(); err != nil {
		return "", "", err
	}
	if key = a.global.apiKey; key == "" {
		key, err = a.keyOf(address)
	}
	return address, key, err
}

// address is the server to speak to.
func (a *app) address() (string, error) {
	if a.global.url != "" {
		return strings.TrimSuffix(a.global.url, "/"), nil
	}
	if p, ok, err := a.chosen(); err != nil || ok {
		return strings.TrimSuffix(p.URL, "/"), err
	}
	dir := a.global.data
	address, err := readLine(filepath.Join(dir, addressFile))
	if errors.Is(err, fs.ErrNotExist) {
		if p, ok, err := a.current(); err != nil || ok {
			return strings.TrimSuffix(p.URL, "/"), err
		}
		return "", (&failure{Exit: exitFailed, Code: "no_server", Message: fmt.Sprintf("no server is known: --url and ANNALS_URL are not set, and none runs on the data in %s", dir)}).
			with("start one with `annals serve`, sign in to one with `annals login URL`, or say --url and --api-key")
	}
	if err != nil {
		return "", fmt.Errorf("find the server: %w", err)
	}
	return strings.TrimSuffix(address, "/"), nil
}

// keyOf is the key for a server: a key goes to no other server than its own. Where it is a profile's, so is the workspace
// to work in.
func (a *app) keyOf(address string) (string, error) {
	p, ok, err := a.chosen()
	if err != nil {
		return "", err
	}
	if ok && !sameServer(p.URL, address) {
		return "", usage("profile %s is of %s, and not of %s", a.global.profile, p.URL, address)
	}
	if !ok {
		key, none := a.instanceKey(address)
		if none == nil {
			return key, nil
		}
		if p, ok, err = a.profileOf(address); err != nil {
			return "", err
		}
		if !ok {
			return "", none
		}
	}
	a.profileWorkspace = p.Workspace
	return p.Key, nil
}

// instanceKey is the first key of the instance, if it is that instance which is spoken to: a key goes to no other
// server than its own.
func (a *app) instanceKey(address string) (string, error) {
	dir := a.global.data
	own, err := readLine(filepath.Join(dir, addressFile))
	if err != nil || strings.TrimSuffix(own, "/") != strings.TrimSuffix(address, "/") {
		return "", (&failure{Exit: exitAuth, Code: "key_missing", Message: "no API key is set for " + address}).
			with("say --api-key or ANNALS_API_KEY, or sign in with `annals login`")
	}
	key, err := readLine(filepath.Join(dir, firstKeyFile))
	if err != nil {
		return "", (&failure{Exit: exitAuth, Code: "key_missing", Message: fmt.Sprintf("no API key is set, and the first one cannot be read: %v", err)}).
			with("say --api-key or ANNALS_API_KEY, or sign in with `annals login`")
	}
	return key, nil
}

func readLine(path string) (string, error) {
	b, err := os.ReadFile(path)
	return strings.TrimSpace(string(b)), err
}
