// Package explorer is the page that browsers get at the address of the GraphQL API: an editor, an answer, and the
// schema to read. It is three small files of our own, fetches nothing from anywhere else, and holds no data: it asks
// the API with the key its user gives, which stays in the browser's tab.
package explorer

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed page
var files embed.FS

// policy lets the page load its own parts and talk to its own server, and nothing else.
const policy = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"

// Wanted says whether a request at the API's address is a browser's for the page, not a query.
func Wanted(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || r.Header.Get("Upgrade") != "" || r.URL.Query().Has("query") {
		return false
	}
	for _, part := range strings.Split(r.Header.Get("Accept"), ",") {
		media, attrs, err := mime.ParseMediaType(strings.TrimSpace(part))
		if err == nil && media == "text/html" && attrs["q"] != "0" {
			return true
		}
	}
	return false
}

// Handler answers with the page, or with the part of it that the path ends in: the page at /graphql has its parts
// below /graphql/explorer/.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "this page is read by GET", http.StatusMethodNotAllowed)
			return
		}
		name := "index.html"
		if strings.Contains(r.URL.Path, "/explorer/") {
			name = path.Base(r.URL.Path)
		}
		content, err := files.ReadFile("page/" + name)
		if err != nil {
			http.Error(w, "there is no such part of the explorer", http.StatusNotFound)
			return
		}
		sum := sha256.Sum256(content)
		h := w.Header()
		h.Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
		h.Set("Content-Security-Policy", policy)
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-cache")
		h.Set("ETag", `"`+base64.RawURLEncoding.EncodeToString(sum[:12])+`"`)
		h.Add("Vary", "Accept")
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
	})
}
