package main

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/annals-io/annals/graphql/relay"
)

// filled puts a workspace into the words of an argument that stand for it.
func filled(v any, slug string) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = filled(v[i], slug)
		}
		return out
	case string:
		switch v {
		case "$organization":
			return theirs[slug]
		case "$workspace":
			return slug
		case "$workspaceID":
			return workspaceIDs[slug]
		}
	}
	return v
}

// workspaceIDs are global ids of the workspaces, the missing one's made as if it were there.
var workspaceIDs = func() map[string]string {
	ids := map[string]string{}
	for slug := range theirs {
		ids[slug] = relay.ID{Kind: relay.Workspace, Slug: slug}.String()
	}
	return ids
}()

// A matrixAnswer is all that somebody is told.
type matrixAnswer struct {
	status int
	body   string
	header string
}

// about is the answer about one workspace as it would be about another.
func (a matrixAnswer) about(from, to string) matrixAnswer {
	a.body = strings.NewReplacer(from, to, theirs[from], theirs[to], workspaceIDs[from], workspaceIDs[to]).Replace(a.body)
	return a
}

// told are the headers of an answer, but those that are of the moment.
func told(h http.Header) string {
	h = h.Clone()
	for _, of := range []string{"Date", "Traceparent"} { // of the request, whatever it was about
		h.Del(of)
	}
	return fmt.Sprint(h)
}
