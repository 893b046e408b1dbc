package transport

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// foreign says whether a page of somebody else's opens a WebSocket. Browsers send the page's origin and let no script
// change it; whoever is no browser sends none. A page of the host that is asked is the server's own.
func (t WebSocket) foreign(r *http.Request) bool {
	said := r.Header.Get("Origin")
	if said == "" {
		return false
	}
	origin, err := url.Parse(said)
	if err != nil || origin.Host == "" { // "null" too: a page without an origin is anybody's
		return true
	}
	return !strings.EqualFold(origin.Host, r.Host) && !slices.Contains(t.Origins, strings.ToLower(said))
}
