package graphql

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/erasure"
	"github.com/annals-io/annals/graphql/model"
)

// An Eraser destroys what can be read about a subject, for those who may: [erasure.Door].
type Eraser interface {
	Erase(ctx context.Context, p access.Principal, r erasure.Request) (erasure.Outcome, error)
}

// erase carries out an erasure, or counts what it would come to.
func (w *write) erase(in model.EraseSubjectInput) *model.EraseSubjectPayload {
	q := erasure.Request{
		Workspace: w.slug, Organization: w.org, Subject: in.Subject, Reason: value(w.meta.Reason), Confirm: value(in.Confirm), DryRun: in.DryRun, Full: in.Full,
	}
	who, person := strings.CutPrefix(in.Subject, erasure.OfPerson+":")
	switch {
	case person && (w.slug != "" || w.org != ""):
		w.wrong("subject", "a person is in no place: leave workspace and organization out")
	case person && who == "":
		w.wrong("subject", "say which person: person:ID")
	case person:
		q.Person, q.Subject = who, ""
	case w.slug == "" && w.org == "", w.slug != "" && w.org != "":
		w.wrong("workspace", "say the workspace or the organization that the subject is of; a person, person:ID, is of neither")
	}
	if w.meta.IfUnchangedSince != nil {
		w.wrong("meta.ifUnchangedSince", "an erasure is of everything there is, whatever the revision: leave it out")
	}
	if w.Eraser == nil && w.fault == nil {
		w.fault = noScope("nothing is erased by this server", map[string]any{"rule": "Erasing wants a server that has the database of its own."})
	}
	out := &model.EraseSubjectPayload{}
	if w.ok() {
		found, err := w.Eraser.Erase(w.ctx, w.principal, q)
		if err != nil {
			w.notErased(err, q)
		} else {
			out.Erasure = erasedOf(found)
		}
	}
	out.Outcome = model.Outcome{UserErrors: w.errors, Revision: int64(domain.NoRevision), ClientMutationID: w.meta.ClientMutationID}
	if out.UserErrors == nil {
		out.UserErrors = []model.UserError{}
	}
	if out.Erasure != nil && out.Erasure.Revision != nil {
		out.Outcome.Revision = *out.Erasure.Revision
	}
	return out
}

func (w *write) wrong(field, message string) {
	w.refuse(&model.InvalidInput{Message: message, Path: pathOf(field), Code: model.UserErrorCodeInvalid})
}

// notErased says why nothing was erased: what the caller may not is data, as everything that they can do something about.
func (w *write) notErased(err error, q erasure.Request) {
	var no *access.Refusal
	if !errors.As(err, &no) {
		w.failed(err)
		return
	}
	denied := &model.PermissionDenied{Message: no.Message, Path: pathOf("subject"), Code: model.UserErrorCodeForbidden, Missing: []string{}}
	switch {
	case q.Organization != "":
		denied.Path, denied.Missing = pathOf("organization"), model.PermissionsOf([]domain.Permission{domain.DeleteOrganizations})
	case q.Workspace != "":
		denied.Path, denied.Missing = pathOf("workspace"), model.PermissionsOf([]domain.Permission{domain.DeleteWorkspaces})
	}
	w.refuse(denied)
}

// erasedOf is an outcome as the schema has it.
func erasedOf(o erasure.Outcome) *model.Erasure {
	out := &model.Erasure{
		Subject: o.Subject, State: model.ErasureState(strings.ToUpper(o.State)), At: o.At, Files: o.Files,
		Texts: o.Texts, Bodies: o.Bodies, Bytes: o.Bytes, Gone: o.Gone, Keys: o.Keys, Rows: o.Rows, Others: []*model.ErasureOthers{},
	}
	if o.Erasure != nil {
		out.Erasure = model.Word(o.Erasure.String())
	}
	if o.Revision != nil {
		n := int64(*o.Revision)
		out.Revision = &n
	}
	if o.Left != "" {
		left := model.ErasureFilesLeft(strings.ToUpper(o.Left))
		out.FilesLeft = &left
	}
	for _, kind := range slices.Sorted(maps.Keys(o.Others)) {
		out.Others = append(out.Others, &model.ErasureOthers{Kind: kind, Count: o.Others[kind]})
	}
	return out
}
