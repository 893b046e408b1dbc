package main

import (
	"fmt"
	"net/url"
	"strings"
)

// originOf reads an origin as browsers send it: a scheme, a host, and a port where it is not the scheme's own.
func originOf(text string) (string, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return "", fmt.Errorf("%q is no origin: write https://HOST or https://HOST:PORT", text)
	case u.User != nil || u.Path != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(text, "#"):
		return "", fmt.Errorf("%q is more than an origin: leave out what stands after the host", text)
	case strings.ContainsAny(u.Host, "*?"):
		return "", fmt.Errorf("%q is a pattern: origins are named one by one", text)
	}
	host := strings.ToLower(u.Host)
	for scheme, port := range map[string]string{"http": ":80", "https": ":443"} {
		if u.Scheme == scheme {
			host = strings.TrimSuffix(host, port)
		}
	}
	return u.Scheme + "://" + host, nil
}

// origins are those whose pages may open WebSockets: the ones that were allowed, and our own as others reach us.
func (f serveFlags) origins() ([]string, error) {
	var all []string
	for _, text := range f.allowedOrigins {
		origin, err := originOf(text)
		if err != nil {
			return nil, usage("--allowed-origins: %v", err)
		}
		all = append(all, origin)
	}
	if u, err := url.Parse(f.publicURL); err == nil && u.Host != "" {
		if own, err := originOf(u.Scheme + "://" + u.Host); err == nil {
			all = append(all, own)
		}
	}
	return all, nil
}
