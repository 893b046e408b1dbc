package access

import (
	"net/http"
	"time"
)

// A Form writes a refusal in the words of a protocol that has its own. The headers that go with it are set already.
type Form func(w http.ResponseWriter, r *http.Request, no *Refusal)

// Speak has whatever is refused at a path written in a form of its own. Everywhere else it is as [Refuse] has it.
func (m *Mux) Speak(path string, form Form) { m.forms[path] = form }

// Refuse writes an error in the form of the request's path. It is for whoever refuses before the mux, or after it.
func (m *Mux) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	form, own := m.forms[r.URL.Path]
	if !own {
		Refuse(w, err)
		return
	}
	no := refusalOf(err)
	no.announce(w.Header())
	form(w, r, no)
}

// announce sets the headers of a refusal: how to be known, and when to come again.
func (r *Refusal) announce(h http.Header) {
	switch r.Status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="annals"`)
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		h.Set("Retry-After", seconds(max(r.RetryAfter, time.Second)))
	}
	h.Set("Cache-Control", "no-store")
}
