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

// endpoint is the server to speak to and the key to use: as set, else those of the instance in the data directory.
func (a *app) endpoint() (address, key string, err error) {
	address, key = a.global.url, a.global.apiKey
	dir := a.global.data
	if address == "" {
		if address, err = readLine(filepath.Join(dir, addressFile)); errors.Is(err, fs.ErrNotExist) {
			return "", "", (&failure{Exit: exitFailed, Code: "no_server", Message: fmt.Sprintf("no server is known: --url and ANNALS_URL are not set, and none runs on the data in %s", dir)}).
				with("start one with `annals serve`, or say --url and --api-key")
		}
		if err != nil {
			return "", "", fmt.Errorf("find the server: %w", err)
		}
	}
	if key == "" {
		key, err = a.instanceKey(address)
	}
	return strings.TrimSuffix(address, "/"), key, err
}

// instanceKey is the first key of the instance, if it is that instance which is spoken to: a key goes to no other
// server than its own.
func (a *app) instanceKey(address string) (string, error) {
	dir := a.global.data
	own, err := readLine(filepath.Join(dir, addressFile))
	if err != nil || strings.TrimSuffix(own, "/") != strings.TrimSuffix(address, "/") {
		return "", (&failure{Exit: exitAuth, Code: "key_missing", Message: "no API key is set for " + address}).
			with("say --api-key or ANNALS_API_KEY")
	}
	key, err := readLine(filepath.Join(dir, firstKeyFile))
	if err != nil {
		return "", (&failure{Exit: exitAuth, Code: "key_missing", Message: fmt.Sprintf("no API key is set, and the first one cannot be read: %v", err)}).
			with("say --api-key or ANNALS_API_KEY")
	}
	return key, nil
}

func readLine(path string) (string, error) {
	b, err := os.ReadFile(path)
	return strings.TrimSpace(string(b)), err
}
