package docs

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/rest/openapi"
)

//go:embed page
var files embed.FS

// policy lets the page load its style sheet, and nothing else: no script, no form, no frame.
const policy = "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// A Site serves the document and the page. It is empty until [Site.Publish].
type Site struct {
	whole page
	below page // of a workspace called [standIn]
	style content
}

// standIn is written where a workspace's slug is to stand. It is no word of any document.
const standIn = "slug-of-the-workspace-of-this-page"

// page is a document, and what shows it.
type page struct{ json, html content }

// content is a body that never changes.
type content struct {
	kind string
	body []byte
	tag  string
}

func contentOf(kind string, body []byte) content {
	sum := sha256.Sum256(body)
	return content{kind, body, `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
}

// Register puts the addresses on a router, as public ones.
func (s *Site) Register(public func(pattern string, h http.Handler)) {
	public("GET /openapi.json", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serve(w, r, s.whole.json) }))
	public("GET /docs", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serve(w, r, s.whole.html) }))
	public("GET /docs/docs.css", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serve(w, r, s.style) }))
	public("GET /workspaces/{slug}/openapi.json", s.under(func(p page) content { return p.json }))
	public("GET /workspaces/{slug}/docs", s.under(func(p page) content { return p.html }))
}

// Workspace is the page about what lies under the workspace of the request's path. It holds no data.
func (s *Site) Workspace() http.Handler { return s.under(func(p page) content { return p.html }) }

// Publish takes the document that is shown from now on. It is called once, before the first request.
func (s *Site) Publish(d *openapi.Document) error {
	style, err := files.ReadFile("page/docs.css")
	if err != nil {
		return fmt.Errorf("read the style sheet: %w", err)
	}
	whole, err := pageOf(d, "")
	if err != nil {
		return err
	}
	below, err := pageOf(d.Under("workspaces", "slug", standIn), standIn)
	if err != nil {
		return err
	}
	s.whole, s.below, s.style = whole, below, contentOf("text/css; charset=utf-8", style)
	return nil
}

// under serves what lies under a workspace. What cannot be a slug is no address; everything that can is answered alike.
func (s *Site) under(part func(page) content) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		slug, err := domain.ParseSlug(cmp.Or(r.PathValue("slug"), path.Base(r.URL.Path))) // at its own address it is the last word
		if err != nil {
			none(w)
			return
		}
		c := part(s.below)
		serve(w, r, contentOf(c.kind, bytes.ReplaceAll(c.body, []byte(standIn), []byte(slug)))) // a slug is letters, digits and dashes: it needs no escaping
	})
}

func none(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNotFound)
	_, _ = w.Write([]byte(`{"error":{"code":"not_found","message":"no workspace can be called that","field":"slug"}}` + "\n")) // whoever asked has gone
}

func serve(w http.ResponseWriter, r *http.Request, c content) {
	h := w.Header()
	h.Set("Content-Type", c.kind)
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", c.tag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(c.body))
}

var layout = template.Must(template.New("docs.html").Funcs(template.FuncMap{
	"shape": shape, "paragraphs": paragraphs, "anchor": anchor, "pretty": pretty, "lower": strings.ToLower, "plain": plainType,
}).ParseFS(files, "page/docs.html"))

// pageOf writes a document in both forms.
func pageOf(d *openapi.Document, slug string) (page, error) {
	raw, err := json.Marshal(d)
	if err != nil {
		return page{}, fmt.Errorf("write the OpenAPI document: %w", err)
	}
	var html bytes.Buffer
	if err := layout.Execute(&html, view(d, slug)); err != nil {
		return page{}, fmt.Errorf("write the page of the OpenAPI document: %w", err)
	}
	return page{contentOf("application/json", append(raw, '\n')), contentOf("text/html; charset=utf-8", html.Bytes())}, nil
}
