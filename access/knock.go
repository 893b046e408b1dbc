package access

import (
	"context"
	"net/http"
	"strings"
)

// Browsers' scripts cannot send a header with the request that opens a WebSocket. So a route of [Mux.HandleWithPage]
// takes such a request without a key, and without a principal: all its handler may do then is to read the first
// message and have the key in it judged by [Admit].

type knockKey struct{}

// knock is a WebSocket that was let through to say who opened it.
type knock struct {
	mux   *Mux
	needs Scope
	asked *http.Request
}

// knocks says whether a request opens a WebSocket and carries no key. One that carries a bad key is refused at once.
func knocks(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.EqualFold(r.Header.Get("Upgrade"), "websocket") && len(r.Header.Values("Authorization")) == 0
}

// stranger says whether nothing in a request says who sent it, such as the cookie of a session.
func (m *Mux) stranger(r *http.Request) bool {
	_, err := m.auth.Authenticate(r.Context(), r)
	return err != nil && refusalOf(err).Status == http.StatusUnauthorized
}

func (m *Mux) knock(w http.ResponseWriter, r *http.Request, needs Scope) {
	k := &knock{mux: m, needs: needs, asked: r}
	m.routes.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), knockKey{}, k)))
}

// Admit judges the key of a connection that was opened without one, in a context of its request: authorization is what
// the header of that name would have been. The context it answers has the principal, and ends soon after the key does.
// A request that was not let through for this is refused as one without a key.
func Admit(ctx context.Context, authorization string) (context.Context, *Refusal) {
	k, ok := ctx.Value(knockKey{}).(*knock)
	if !ok {
		return nil, ErrMissing
	}
	asked := k.asked.Clone(ctx)
	asked.Header.Set("Authorization", authorization)
	p, err := k.mux.authenticate(ctx, asked)
	switch {
	case err == nil && p.Run != nil:
		err = errOnlyItsRun
	case err == nil && !p.Has(k.needs):
		err = lacking(k.needs)
	}
	if err != nil {
		no := refusalOf(err)
		k.mux.count(no.Code)
		return nil, no
	}
	k.mux.count("ok")
	ctx, _ = k.mux.watch.whileValid(With(ctx, p), asked, p) // it stops watching when the connection's context ends
	return ctx, nil
}
