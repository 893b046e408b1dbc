package transport

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// Media types of answers.
const (
	mediaGraphQL = "application/graphql-response+json"
	mediaJSON    = "application/json"
	mediaEvents  = "text/event-stream"
	mediaHTML    = "text/html"
)

// accepted is the one of the offers that the request likes best: the highest q, the earlier offer among equals, and
// the first of all where the request does not say. It is empty where the request takes none of them.
func accepted(r *http.Request, offers ...string) string {
	header := strings.Join(r.Header.Values("Accept"), ",")
	if strings.TrimSpace(header) == "" {
		return offers[0]
	}
	best, bestQ := "", 0.0
	for _, offer := range offers {
		if q := quality(header, offer); q > bestQ {
			best, bestQ = offer, q
		}
	}
	return best
}

// quality is how much an Accept header likes a media type: the q of the most specific range that means it.
func quality(header, offer string) float64 {
	q, precision := 0.0, -1
	for _, part := range strings.Split(header, ",") {
		media, attrs, err := mime.ParseMediaType(strings.TrimSpace(part))
		if err != nil {
			continue
		}
		p := -1
		kind, _, _ := strings.Cut(offer, "/")
		switch media {
		case offer:
			p = 2
		case kind + "/*":
			p = 1
		case "*/*":
			p = 0
		}
		if p <= precision {
			continue
		}
		precision, q = p, 1
		if s, ok := attrs["q"]; ok {
			if f, err := strconv.ParseFloat(s, 64); err == nil && f >= 0 && f <= 1 {
				q = f
			}
		}
	}
	return q
}

// wants says whether the request names a media type outright, not by a wildcard.
func wants(r *http.Request, media string) bool {
	for _, part := range strings.Split(strings.Join(r.Header.Values("Accept"), ","), ",") {
		if m, _, err := mime.ParseMediaType(strings.TrimSpace(part)); err == nil && m == media {
			return true
		}
	}
	return false
}
