package embedded

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The binaries are those that fergusstrange/embedded-postgres fetches: the zonky builds on Maven Central. Its
// fetch cannot be called without its launcher, cannot be cancelled, and believes an archive whose checksum
// nobody serves; so the same files are fetched here.
const mavenCentral = "https://repo1.maven.org/maven2"

// stallTimeout ends a download in which nothing arrived for so long.
const stallTimeout = 30 * time.Second

// checksums of DefaultVersion, by platform: what Maven Central serves later cannot differ from what we tried.
var checksums = map[string]string{
	"linux-amd64":        "401d4e69baba9072d3772607710df0d47b39a7632c6b01b2a5f5d85a9514e212",
	"linux-arm64v8":      "a9ec284923b9a7d2db41509bfb88c3d0eeb9f4aa5e2b29ea0aac5e8dbaf4c335",
	"linux-amd64-alpine": "fe42b1e2a60eb4c50f6859bf17e933fd87f6ad701a1e72ac54070a67acc58e14",
	"darwin-amd64":       "68381ed1488edd337345c6c4bc6ae0c823832a4dd7af8b04656ee5c218c291b5",
	"darwin-arm64v8":     "ab698c4486a795d2aa8a158b3a41e1201a77e7ff72a6255094cd5900080853c2",
}

// ensureFetched answers with the directory of the unpacked binaries. Processes that want the same ones at the
// same time wait for one of them.
func (c Config) ensureFetched(ctx context.Context, cache, version string) (string, error) {
	dir := filepath.Join(cache, "postgres-"+version+"-"+platform())
	if isUnpacked(dir) {
		return dir, nil
	}
	lock, err := waitForLock(ctx, filepath.Join(cache, "fetch.lock"))
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if isUnpacked(dir) {
		return dir, nil
	}
	archive, err := c.download(ctx, cache, version)
	if err != nil {
		return "", err
	}
	defer os.Remove(archive)
	return dir, unpack(archive, dir)
}

func isUnpacked(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "bin", "postgres"))
	return err == nil
}

func waitForLock(ctx context.Context, path string) (*os.File, error) {
	for {
		lock, err := lockFile(path)
		if !errors.Is(err, ErrInUse) {
			return lock, err
		}
		if err := pause(ctx); err != nil {
			return nil, fmt.Errorf("wait for another process that fetches PostgreSQL: %w", err)
		}
	}
}

// download puts the archive into the cache under a passing name, once its checksum is right.
func (c Config) download(ctx context.Context, cache, version string) (string, error) {
	name := "embedded-postgres-binaries-" + platform()
	address := fmt.Sprintf("%s/io/zonky/test/postgres/%s/%s/%s-%s.jar", strings.TrimSuffix(c.Repository, "/"), name, version, name, version)
	want, err := checksum(ctx, version, address)
	if err != nil {
		return "", err
	}
	f, err := os.CreateTemp(cache, "fetch-*.jar")
	if err != nil {
		return "", fmt.Errorf("make room for the download: %w", err)
	}
	got, err := c.fetchInto(ctx, f, address, version)
	if err = errors.Join(err, f.Close()); err == nil && got != want {
		err = fmt.Errorf("%s has the checksum %s and not %s", address, got, want)
	}
	if err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

// checksum is pinned for the default version; for others the repository must publish one.
func checksum(ctx context.Context, version, address string) (string, error) {
	if version == DefaultVersion {
		if sum, ok := checksums[platform()]; ok {
			return sum, nil
		}
		return "", fmt.Errorf("there are no binaries for %s", platform())
	}
	body, _, err := get(ctx, address+".sha256")
	if err != nil {
		return "", err
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, 1024))
	if err != nil {
		return "", fmt.Errorf("read %s.sha256: %w", address, err)
	}
	fields := strings.Fields(string(text))
	if len(fields) == 0 || len(fields[0]) != 2*sha256.Size {
		return "", fmt.Errorf("%s.sha256 holds no checksum", address)
	}
	return strings.ToLower(fields[0]), nil
}

// fetchInto copies the answer to f and returns its checksum.
func (c Config) fetchInto(ctx context.Context, f *os.File, address, version string) (string, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	body, size, err := get(ctx, address)
	if err != nil {
		return "", err
	}
	defer body.Close()
	if size > 0 {
		c.Progress(fmt.Sprintf("fetching PostgreSQL %s (%d MB, once)", version, (size+mebibyte/2)/mebibyte))
	} else {
		c.Progress("fetching PostgreSQL " + version + " (once)")
	}
	stalled := time.AfterFunc(stallTimeout, func() {
		cancel(fmt.Errorf("nothing arrived for %s", stallTimeout))
	})
	defer stalled.Stop()
	sum := sha256.New()
	alive := writerFunc(func(p []byte) (int, error) {
		stalled.Reset(stallTimeout)
		return len(p), nil
	})
	if _, err := io.Copy(io.MultiWriter(f, sum, alive), body); err != nil {
		return "", fmt.Errorf("fetch %s: %w", address, errors.Join(err, context.Cause(ctx)))
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

type writerFunc func([]byte) (int, error)

func (w writerFunc) Write(p []byte) (int, error) { return w(p) }

// get is patient with slow lines and impatient with dead ones: on a machine without network the binaries
// installed there should be tried within seconds.
func get(ctx context.Context, address string) (io.ReadCloser, int64, error) {
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 15 * time.Second,
		DisableKeepAlives:     true,
		ForceAttemptHTTP2:     true,
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, 0, fmt.Errorf("fetch %s: %w", address, err)
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return nil, 0, fmt.Errorf("fetch: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		return nil, 0, fmt.Errorf("fetch %s: the answer is %s", address, response.Status)
	}
	return response.Body, response.ContentLength, nil
}
