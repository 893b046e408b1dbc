package transport

import (
	"net/http"

	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// status is the one table from a code to the status of an answer without data. Faults of the document are 400: a
// later draft of the specification has 422 for some of them; its audits do not. What is not here is a fault of ours.
var status = map[string]int{
	codeBadRequest: http.StatusBadRequest,
	codeTooLarge:   http.StatusRequestEntityTooLarge,
	codeMediaType:  http.StatusUnsupportedMediaType,
	codeAccept:     http.StatusNotAcceptable,
	codeMethod:     http.StatusMethodNotAllowed,
	codeOverloaded: http.StatusTooManyRequests,

	codeConnections: http.StatusTooManyRequests,

	errcode.ParseFailed:      http.StatusBadRequest,
	errcode.ValidationFailed: http.StatusBadRequest,
	"QUERY_TOO_LARGE":        http.StatusBadRequest,
	"QUERY_TOO_EXPENSIVE":    http.StatusBadRequest,
	"INVALID_ONE_OF":         http.StatusBadRequest,
	"INTROSPECTION_DISABLED": http.StatusForbidden,
	"UNAUTHENTICATED":        http.StatusUnauthorized,
	"FORBIDDEN":              http.StatusForbidden,
	"READ_ONLY":              http.StatusForbidden,
	"TIMEOUT":                http.StatusServiceUnavailable,
	"RATE_LIMITED":           http.StatusTooManyRequests,
	"OVERLOADED":             http.StatusServiceUnavailable,
	"UNAVAILABLE":            http.StatusServiceUnavailable,
}

// statusOf is the status of an answer that has errors and no data. Clients that take application/json alone get 200
// for faults of the document, as the specification has it for them: they look into the errors.
func statusOf(errs gqlerror.List, media string) int {
	for _, err := range errs {
		code, _ := err.Extensions["code"].(string)
		s, known := status[code]
		switch {
		case !known:
			continue
		case media == mediaJSON && s == http.StatusBadRequest && code != codeBadRequest:
			return http.StatusOK
		}
		return s
	}
	return http.StatusBadRequest
}
