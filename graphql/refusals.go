package graphql

import (
	"errors"
	"strings"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/graphql/model"
)

// codeUnavailable is the fault of a store that cannot be reached: nothing was written.
const codeUnavailable = "UNAVAILABLE"

// failed keeps why a command was not carried out: what its caller did wrong is data, the rest a fault.
func (w *write) failed(err error) {
	var refused *domain.Error
	var conflict *eventstore.CommandConflictError
	var large *eventstore.TooLargeError
	switch {
	case w.blocked(err):
	case errors.As(err, &refused):
		named := *refused
		named.Subject = w.field(refused.Subject)
		no := userError(&named, w.request.IfUnchangedSince)
		if lacks, ok := no.(*model.PermissionDenied); ok {
			no = caller(w.ctx).withScope(lacks)
		}
		w.refuse(no)
	case errors.As(err, &conflict):
		w.refuse(&model.IdempotencyConflict{Message: "the idempotency key was used for a different command: choose another one", Path: []string{"input", "meta", "idempotencyKey"}, Code: model.UserErrorCodeConflict})
	case errors.As(err, &large):
		w.refuse(&model.InvalidInput{Message: large.Error(), Path: []string{"input"}, Code: model.UserErrorCodeTooLong})
	default:
		w.fault = storeFault(err)
	}
}

// storeFault is a top-level error of the event store.
func storeFault(err error) error {
	var busy *eventstore.OverloadedError
	var paused *eventstore.PausedError
	var unknown *eventstore.OutcomeUnknownError
	var away *eventstore.UnavailableError
	switch {
	case errors.As(err, &busy):
		return &Fault{codeOverloaded, "too many commands are waiting: try again", map[string]any{"retryAfterMs": busy.RetryAfter.Milliseconds()}}
	case errors.As(err, &paused):
		return &Fault{Code: codePaused, Message: "the workspace holds an event this server does not know: nothing is decided there until a newer server runs"}
	case errors.As(err, &unknown):
		return &Fault{Code: codeUnknown, Message: "whether this was written is not known: send it again with the same idempotencyKey"}
	case errors.As(err, &away):
		return &Fault{Code: codeUnavailable, Message: "the event store cannot be reached; nothing was written: try again"}
	}
	return err
}

// userError is a refusal of the domain as the schema has it.
func userError(e *domain.Error, seen *domain.Revision) model.UserError {
	path := pathOf(e.Subject)
	code := model.UserErrorCode(strings.ToUpper(string(e.Code)))
	switch {
	case e.Subject == "workspace" && e.Code == domain.NotFound:
		return &model.NotFoundError{Message: e.Message, Path: []string{"input", "workspace"}, Code: code, Candidates: []string{}}
	case e.Subject == "workspace" && (e.Code == domain.Archived || e.Code == domain.Gone):
		return &model.WorkspaceClosed{Message: e.Message, Path: []string{"input", "workspace"}, Code: code}
	}
	switch e.Code {
	case domain.Forbidden:
		return &model.PermissionDenied{Message: e.Error(), Path: path, Code: code, Missing: model.PermissionsOf(e.Missing)}
	case domain.LastOwner:
		return &model.LastOwner{Message: e.Error(), Path: path, Code: code}
	case domain.Conflict:
		return &model.Conflict{Message: e.Error(), Path: path, Code: code}
	case domain.NotFound, domain.Gone:
		return &model.NotFoundError{Message: e.Error(), Path: path, Code: code, Candidates: []string{}}
	case domain.AlreadyExists:
		return &model.AlreadyExists{Message: e.Error(), Path: path, Code: code}
	case domain.RevisionConflict:
		expected := int64(e.Expected)
		if seen != nil {
			expected = int64(*seen)
		}
		return &model.RevisionConflict{Message: e.Error(), Path: []string{"input", "meta", "ifUnchangedSince"}, Code: code, Expected: expected, Actual: int64(e.Actual)}
	case domain.InvalidTransition:
		return &model.InvalidTransition{Message: e.Error(), Path: path, Code: code, From: strings.ToUpper(string(e.From)), To: strings.ToUpper(string(e.To)), Allowed: upper(e.Allowed)}
	}
	if !code.IsValid() {
		code = model.UserErrorCodeInvalid
	}
	return &model.InvalidInput{Message: e.Error(), Path: path, Code: code}
}

// field is a refusal's subject in the words of the mutation's input. The domain names fields of its events, such as
// spec.edges[0] and pipeline.name, which an input may have without what comes before the dot.
func (w *write) field(subject string) string {
	has := func(name string) bool {
		name, _, _ = strings.Cut(name, "[")
		_, there := w.fields[name]
		return there
	}
	for at := subject; at != ""; {
		first, rest, _ := strings.Cut(at, ".")
		if has(first) {
			return at
		}
		at = rest
	}
	said, ofIO := strings.CutPrefix(subject, "artifact.")
	switch {
	case (subject == "pipeline" || subject == "artifact") && has("name"):
		return "name"
	case ofIO && has("version"):
		return "version." + said
	case subject == "idempotencyKey" || subject == "correlationId" || subject == "reason":
		return "meta." + subject
	case subject == "invitation" && has("link"):
		return "link"
	case subject == "expiresAt" && has("validHours"):
		return "validHours"
	case subject == "expiresAt" && has("validMinutes"):
		return "validMinutes"
	}
	return subject
}

func upper(statuses []domain.Status) []string {
	out := make([]string, len(statuses))
	for i, s := range statuses {
		out[i] = strings.ToUpper(string(s))
	}
	return out
}

// pathOf makes a path of a refusal's subject: "tags[3].key" is input, tags, 3, key. A subject that is no field, such
// as a thing's name, is about the input as a whole.
func pathOf(subject string) []string {
	path := []string{"input"}
	if subject == "" || strings.ContainsAny(subject, " /:#") {
		return path
	}
	return append(path, strings.FieldsFunc(strings.TrimPrefix(subject, "spec."), func(r rune) bool { return r == '.' || r == '[' || r == ']' })...)
}
