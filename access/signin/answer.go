package signin

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"html/template"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
)

//go:embed pages
var files embed.FS

var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"day": func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") + " UTC" },
}).ParseFS(files, "pages/*.html"))

// guarded sets the headers of everything that a browser may show: nothing is loaded from elsewhere, no script or style
// stands in a page, and no other page frames ours. The policy on referrers keeps browsers telling us that a form is ours.
func guarded(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head := w.Header()
		head.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'")
		head.Set("X-Frame-Options", "DENY")
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Referrer-Policy", "same-origin")
		head.Set("Cross-Origin-Opener-Policy", "same-origin")
		head.Set("Cache-Control", "no-store")
		next(w, r)
	})
}

// assets are the style and the script of the pages.
func assets(w http.ResponseWriter, r *http.Request) {
	kinds := map[string]string{"style.css": "text/css; charset=utf-8", "link.js": "text/javascript; charset=utf-8"}
	name := r.PathValue("file")
	body, err := files.ReadFile("pages/" + name)
	if kinds[name] == "" || err != nil {
		access.Refuse(w, &access.Refusal{Status: http.StatusNotFound, Code: "not_found", Message: "there is nothing at " + r.URL.Path})
		return
	}
	w.Header().Set("Content-Type", kinds[name])
	w.Header().Set("Cache-Control", "public, max-age=3600")
	_, _ = w.Write(body) // whoever asked has gone
}

// view is what pages show.
type view struct {
	Title   string
	Problem string // what went wrong before
	Code    string // of the problem
	Next    string
	Token   string // of a link or an invitation, which was not used up
	Values  map[string]string
	OIDC    string // the label of the other party; empty: passwords
	Data    any
}

// page shows one. A page is written whole or not at all.
func (h *Handler) page(w http.ResponseWriter, r *http.Request, status int, name string, v view) {
	if h.OIDC != nil {
		v.OIDC = h.OIDC.Label()
	}
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, v); err != nil {
		h.Log.ErrorContext(r.Context(), "a page could not be made", "page", name, "err", err)
		access.Refuse(w, &access.Refusal{Status: http.StatusInternalServerError, Code: "internal", Message: "the server failed; it was logged"})
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // whoever asked has gone
}

// refusalOf is what may be said of an error. What is our own fault is logged and not told.
func (h *Handler) refusalOf(r *http.Request, err error) *access.Refusal {
	no := access.RefusalOf(err)
	var rule *domain.Error
	var said *access.Refusal
	switch {
	case errors.As(err, &rule):
	case errors.As(err, &said):
		if error(said) == err && said.Status < http.StatusInternalServerError {
			break // there is nothing behind it
		}
		h.Log.WarnContext(r.Context(), "sign-in refused", "code", no.Code, "err", err)
	default:
		h.Log.ErrorContext(r.Context(), "sign-in failed", "path", r.URL.Path, "err", err)
	}
	return no
}

// maxBody bounds a form.
const maxBody = 64 << 10

// input is what was sent, by a form or as JSON.
type input struct {
	values map[string]string
	json   bool
}

func (in input) get(name string) string { return in.values[name] }

var (
	errForm = &access.Refusal{Status: http.StatusBadRequest, Code: "invalid", Message: "this is neither a form nor a JSON object of texts"}
	errKind = &access.Refusal{Status: http.StatusUnsupportedMediaType, Code: "invalid", Message: "send a form (application/x-www-form-urlencoded) or JSON"}
)

// read takes what was sent by a page of ours, or by a program.
func (h *Handler) read(w http.ResponseWriter, r *http.Request) (input, error) {
	in := input{values: map[string]string{}}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	in.json = kind == "application/json"
	if err := h.Gate.Form(r); err != nil {
		return in, err
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	switch {
	case in.json:
		d := json.NewDecoder(r.Body)
		if d.Decode(&in.values) != nil || in.values == nil {
			return in, errForm
		}
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			return in, errForm
		}
	case kind == "application/x-www-form-urlencoded":
		if r.ParseForm() != nil {
			return in, errForm
		}
		for name := range r.PostForm {
			in.values[name] = r.PostForm.Get(name)
		}
	case r.ContentLength != 0:
		return in, errKind
	}
	for _, v := range in.values {
		if strings.ContainsRune(v, 0) {
			return in, errForm
		}
	}
	return in, nil
}

// no tells a program by JSON, and a person by the page that was sent, what was refused.
func (h *Handler) no(w http.ResponseWriter, r *http.Request, in input, name string, v view, err error) {
	no := h.refusalOf(r, err)
	if in.json {
		access.Refuse(w, no)
		return
	}
	if no.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	v.Problem, v.Code = no.Message, no.Code
	h.page(w, r, no.Status, name, v)
}

// on sends a person on, and tells a program that it is done.
func on(w http.ResponseWriter, r *http.Request, in input, to string, v any) {
	if in.json {
		answerJSON(w, http.StatusOK, v)
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func answerJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		access.Refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // whoever asked has gone
}
