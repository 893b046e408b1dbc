package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql"
)

// ask has GraphQL answer a document, and reads the answer into v.
func (c *call) ask(document string, variables map[string]any, v any) error {
	data, faults, err := c.api.GraphQL.Ask(c.ctx, document, variables)
	if err != nil {
		return err
	}
	if len(faults) > 0 {
		return ofFault(faults[0])
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("read GraphQL's answer: %w", err)
	}
	return nil
}

// ofFault is a top-level error of GraphQL in the manner of REST.
func ofFault(f *graphql.Fault) error {
	argument, _ := f.More["argument"].(string)
	argument = strings.TrimPrefix(argument, "filter.")
	refusal := func(status int, code string) error {
		return &access.Refusal{Status: status, Code: code, Message: f.Message, Field: fieldOf(argument)}
	}
	switch f.Code {
	case "BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED", "INVALID_ONE_OF", "QUERY_TOO_EXPENSIVE":
		return refusal(http.StatusBadRequest, "invalid")
	case "NOT_FOUND":
		return refusal(http.StatusNotFound, "not_found")
	case "GONE":
		return refusal(http.StatusGone, "gone")
	case "HISTORY_FORKED":
		return refusal(http.StatusGone, "forked")
	case "AMBIGUOUS":
		return refusal(http.StatusConflict, "ambiguous")
	case "AS_OF_BEFORE_FIRST_EVENT", "AS_OF_AHEAD", "AS_OF_NEEDS_TIME":
		return &access.Refusal{Status: http.StatusBadRequest, Code: strings.ToLower(f.Code), Message: f.Message, Field: "asOf"}
	case "FORBIDDEN":
		return refusal(http.StatusForbidden, "forbidden")
	case "RATE_LIMITED":
		return &retryError{access.Refusal{Status: http.StatusTooManyRequests, Code: "rate_limited", Message: f.Message}, retryAfter(f)}
	case "CONSISTENCY_TIMEOUT": // what the request makes a condition is not so yet, and perhaps never
		return &retryError{access.Refusal{Status: http.StatusPreconditionFailed, Code: "consistency_timeout", Message: f.Message, Field: "atLeast"}, 1}
	case "WORKSPACE_PAUSED", "OVERLOADED", "OUTCOME_UNKNOWN", "READ_MODEL_OUTDATED", "CANCELLED", "TIMEOUT", "UNAVAILABLE":
		return &access.Refusal{Status: http.StatusServiceUnavailable, Code: strings.ToLower(f.Code), Message: f.Message}
	}
	return fmt.Errorf("GraphQL answers %s: %w", f.Code, f)
}

// retryAfter is after how many seconds to come again, at least one.
func retryAfter(f *graphql.Fault) int {
	ms, _ := f.More["retryAfterMs"].(int64)
	return max(1, int((time.Duration(ms)*time.Millisecond+time.Second-1)/time.Second))
}

// fieldOf is the parameter that an argument of GraphQL comes from.
func fieldOf(argument string) string {
	switch argument {
	case "after", "before":
		return "cursor"
	case "first", "last":
		return "limit"
	case "confirmSlug":
		return "confirm"
	case "workspace", "organization", "id":
		return "slug"
	}
	return argument
}

// A userError is why a mutation did nothing.
type userError struct {
	Message  string    `json:"message"`
	Path     []string  `json:"path"`
	Code     string    `json:"code"`
	Blockers []Blocker `json:"blockers"`
	Blocking int       `json:"blocking"`
}

// written is what every mutation answers.
type written struct {
	UserErrors []userError `json:"userErrors"`
	Revision   int64       `json:"revision"`
	Duplicate  bool        `json:"duplicate"`
}

// refused is the first refusal of a mutation; nil: it was carried out.
func (w written) refused() error {
	if len(w.UserErrors) == 0 {
		return nil
	}
	e := w.UserErrors[0]
	if e.Code == "BLOCKED" {
		return &blockedError{e}
	}
	message := e.Message
	path := e.Path
	if len(path) > 0 && path[0] == "input" {
		path = path[1:]
	}
	if len(path) > 0 && path[0] == "meta" {
		path = path[1:]
	}
	said := strings.Join(path, ".")
	message = strings.TrimPrefix(message, said+": ") // the field says it
	field := fieldOf(said)
	switch field {
	case "idempotencyKey":
		field = keyHeader
	case "ifUnchangedSince":
		field = matchHeader
	}
	return &domain.Error{Code: domain.Code(strings.ToLower(e.Code)), Subject: field, Message: message}
}

// meta is how a mutation is carried out, by the headers of the request.
func (c *call) meta() (map[string]any, error) {
	m := map[string]any{}
	if key := c.request.Header.Get(keyHeader); key != "" {
		m["idempotencyKey"] = key
	}
	since, err := c.since()
	if since != nil {
		m["ifUnchangedSince"] = int64(*since)
	}
	if reason := c.query.Get("reason"); reason != "" {
		m["reason"] = reason
	}
	return m, err
}
