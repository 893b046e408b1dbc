package erasure

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// Rights say what somebody may do. *access.Rights are those there are.
type Rights interface {
	// Permit refuses a principal who may not do something in a workspace, with absent where they may not even know of it.
	Permit(ctx context.Context, p access.Principal, ws domain.Slug, may domain.Permission, absent error) error
	// HoldsIn is what a principal may do in an organization: nothing where it is not there for them.
	HoldsIn(ctx context.Context, p access.Principal, org domain.Slug) (domain.PermissionSet, error)
	// Operator says whether a principal operates the server.
	Operator(ctx context.Context, p access.Principal) (bool, error)
}

// A Handler erases over HTTP. Who may end a place may erase in it; a person is erased by operators of the server, and by
// themself.
type Handler struct {
	Desk   *Desk
	Rights Rights
	Log    *slog.Logger
}

// Register puts the routes on the mux.
func (h Handler) Register(m *access.Mux) {
	m.Handle("POST /v1/workspaces/{slug}/erasures", access.Admin, h.of(h.inWorkspace))
	m.Handle("POST /v1/organizations/{org}/erasures", access.Admin, h.of(h.inOrganization))
	m.Handle("POST /v1/accounts/{id}/erasure", access.Admin, h.of(h.ofPerson))
}

// erasureRequest is what a request sends.
type erasureRequest struct {
	Subject string `json:"subject,omitempty" doc:"KIND:NAME, or KIND alone for the place itself."`
	Reason  string `json:"reason,omitempty" doc:"Why: it is kept in the history, where nothing erases it. It names nobody."`
	Confirm string `json:"confirm,omitempty" doc:"The subject once more; of a person, their id. Without it nothing is erased."`
	DryRun  bool   `json:"dryRun,omitempty" doc:"true: only count what would go."`
	Full    bool   `json:"full,omitempty" doc:"true: rewrite the file of evidence too, however large, also for what was erased before. Writers wait meanwhile."`
}

// maxBody bounds a request, maxReason why something is erased, in bytes.
const (
	maxBody   = 16 << 10
	maxReason = 2000
)

func (h Handler) of(do func(*http.Request) (Outcome, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out, err := do(r)
		if err == nil {
			var body []byte
			if body, err = json.Marshal(out); err == nil {
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Cache-Control", "no-store")
				_, _ = w.Write(append(body, '\n')) // a client that went away needs no answer
				return
			}
		}
		h.refuse(w, r, err)
	})
}

func (h Handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var no *access.Refusal
	var rule *domain.Error
	var paused *eventstore.PausedError
	switch {
	case errors.As(err, &no), errors.As(err, &rule):
	case errors.As(err, &paused):
		err = &access.Refusal{Status: http.StatusServiceUnavailable, Code: "paused", Message: "the stream holds an event that this server does not know, and nobody can tell what is in it: start a newer server"}
	default:
		h.Log.ErrorContext(r.Context(), "erase", "err", err)
	}
	access.Refuse(w, err)
}

func (h Handler) inWorkspace(r *http.Request) (Outcome, error) {
	p, _ := access.From(r.Context())
	slug := domain.Slug(r.PathValue("slug"))
	none := &domain.Error{Code: domain.NotFound, Subject: "workspace", Message: "there is no such workspace"}
	if err := h.Rights.Permit(r.Context(), p, slug, domain.DeleteWorkspaces, none); err != nil {
		return Outcome{}, err
	}
	x, word, err := read(r, WorkspaceKinds)
	if err != nil {
		return Outcome{}, err
	}
	t := Target{Stream: domain.WorkspaceStream(slug), Word: x.Subject}
	switch word.Kind {
	case OfWorkspace:
		t.Entity = domain.WorkspaceEntity()
	case OfPipeline, OfRun, OfArtifact:
		t.Entity, err = h.Desk.Find(r.Context(), slug, word)
	default:
		err = t.inPlace(word)
	}
	if err != nil {
		return Outcome{}, err
	}
	return h.Desk.Erase(r.Context(), t, x.ask(p))
}

func (h Handler) inOrganization(r *http.Request) (Outcome, error) {
	p, _ := access.From(r.Context())
	slug := domain.Slug(r.PathValue("org"))
	holds, err := h.Rights.HoldsIn(r.Context(), p, slug)
	switch {
	case err != nil:
		return Outcome{}, err
	case holds.Has(domain.DeleteOrganizations):
	case holds.Has(domain.ReadOrganization):
		return Outcome{}, access.Lacking(domain.DeleteOrganizations, "organization "+string(slug))
	default:
		return Outcome{}, &domain.Error{Code: domain.NotFound, Subject: "organization", Message: "there is no such organization"}
	}
	x, word, err := read(r, OrganizationKinds)
	if err != nil {
		return Outcome{}, err
	}
	t := Target{Stream: domain.OrganizationStream(slug), Word: x.Subject}
	switch word.Kind {
	case OfOrganization:
		t.Entity = domain.OrganizationEntity(slug)
	case OfTeam:
		t.Entity = domain.TeamEntity(word.Name)
	case OfService:
		var id uuid.UUID
		id, err = word.id()
		t.Entity = domain.Entity{Kind: domain.KindServiceAccount, ID: id}
	default:
		err = t.inPlace(word)
	}
	if err != nil {
		return Outcome{}, err
	}
	return h.Desk.Erase(r.Context(), t, x.ask(p))
}

// inPlace is a subject that workspaces and organizations have alike.
func (t *Target) inPlace(w Word) error {
	switch w.Kind {
	case OfEvent:
		n, err := w.revision()
		t.Event = &n
		return err
	case OfRole:
		t.Entity, t.Role = domain.RosterEntity(), w.Name
	case OfInvitation:
		id, err := w.id()
		t.Entity = domain.InvitationEntity(id)
		return err
	}
	return nil
}

func (h Handler) ofPerson(r *http.Request) (Outcome, error) {
	p, _ := access.From(r.Context())
	operates, err := h.Rights.Operator(r.Context(), p)
	if err != nil {
		return Outcome{}, err
	}
	id, err := uuid.Parse(r.PathValue("id"))
	own := err == nil && id == p.Account && p.Holder == domain.AccountGrantee && p.Workspace == "" && p.Run == nil
	if !operates && !own {
		return Outcome{}, &access.Refusal{Status: http.StatusForbidden, Code: "permission_missing", Message: "a person is erased by themself, or by an operator of the server"}
	}
	if err != nil {
		ok := false
		if id, ok, err = h.Desk.Account(r.Context(), r.PathValue("id")); err == nil && !ok {
			err = notThere("nobody signs in as %q", clip(r.PathValue("id")))
		}
	}
	if err != nil {
		return Outcome{}, err
	}
	x, _, err := read(r, nil)
	if err == nil && x.Subject != "" {
		err = invalid("subject", "the path says who it is")
	}
	if err == nil && !x.DryRun && x.Confirm != id.String() {
		err = invalid("confirm", "to erase a person, say their id once more")
	}
	if err != nil {
		return Outcome{}, err
	}
	return h.Desk.ErasePerson(r.Context(), id, x.ask(p))
}

func (x erasureRequest) ask(p access.Principal) Ask {
	return Ask{By: p, Reason: x.Reason, DryRun: x.DryRun, Full: x.Full}
}

// read reads the body of a request; kinds are the subjects that it may name, nil where it names none.
func read(r *http.Request, kinds []string) (x erasureRequest, word Word, err error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return x, word, &access.Refusal{Status: http.StatusUnsupportedMediaType, Code: "unsupported_media_type", Message: "send the body as application/json", Field: "header Content-Type"}
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil || len(body) > maxBody {
		return x, word, invalid("body", fmt.Sprintf("the body could not be read to its end, or has more than %d bytes", maxBody))
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&x); err != nil {
		return x, word, invalid("body", "the body is no JSON object of the members that there are: "+err.Error())
	}
	switch {
	case len(x.Reason) > maxReason || !utf8.ValidString(x.Reason) || bytes.ContainsRune([]byte(x.Reason), 0):
		return x, word, invalid("reason", fmt.Sprintf("a reason is text of at most %d bytes", maxReason))
	case x.Reason == "" && !x.DryRun:
		return x, word, &domain.Error{Code: domain.Required, Subject: "reason", Message: "say why: it is kept in the history"}
	case kinds == nil:
		return x, word, nil
	}
	if word, err = ParseWord(x.Subject, kinds); err == nil && !x.DryRun && x.Confirm != x.Subject {
		err = invalid("confirm", "to erase something, say the subject once more")
	}
	return x, word, err
}

func invalid(field, message string) error {
	return &domain.Error{Code: domain.Invalid, Subject: field, Message: message}
}

// clip keeps what a caller sent short in a message.
func clip(s string) string {
	const most = 80
	if len(s) > most {
		s = s[:most]
	}
	return s
}
