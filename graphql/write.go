package graphql

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/evidence"
	"github.com/annals-io/annals/graphql/model"
)

// maxKey bounds what callers make up: idempotency keys and correlation ids, in bytes.
const maxKey = 128

// A write is one mutation on its way: it collects what the command needs, carries it out, and keeps the outcome. A
// mutation asks it for what its arguments mean; the first thing that is wrong ends it, and what follows does nothing.
type write struct {
	*Resolver
	ctx       context.Context
	name      string // of the mutation
	slug      domain.Slug
	org       domain.Slug      // where it is an organization that is written
	principal access.Principal // of what the desk carries out
	meta      model.WriteMeta
	request   eventstore.Request
	evidence  []eventstore.Evidence
	at        *model.Moment // where arguments were looked up; nil before the first look-up

	errors []model.UserError
	needs  []domain.Entity // must be there besides what the command asks for
	fault  error           // of the request or the server: a top-level error
	result eventstore.Result
	fields map[string]json.RawMessage // of the input: what the path of a refusal can name
	judged *domain.Revision           // where the stream was when the command was refused
	known  bool                       // the thing was found, whatever the command knows of it
	done   bool                       // the command was carried out, or was true already
}

// writing begins a mutation: it checks who asks, and prepares the request. Input is the mutation's whole input; its
// digest tells whether a key is used again for the same command.
func (r *Resolver) writing(ctx context.Context, name, slug string, needs needed, meta *model.WriteMeta, at *time.Time, input any) *write {
	w := &write{Resolver: r, ctx: ctx, name: name, slug: domain.Slug(slug)}
	if meta != nil {
		w.meta = *meta
	}
	c := caller(ctx)
	w.permit(needs)
	w.request = eventstore.Request{
		Stream: domain.WorkspaceStream(w.slug),
		Meta:   domain.Meta{Actor: c.Actor, Reason: value(w.meta.Reason), CorrelationID: value(w.meta.CorrelationID)},
	}
	if at != nil {
		w.request.OccurredAt = *at
	}
	if since := w.meta.IfUnchangedSince; since != nil {
		n := domain.Revision(*since)
		w.request.IfUnchangedSince = &n
	}
	w.bound("idempotencyKey", w.meta.IdempotencyKey)
	w.bound("correlationId", w.meta.CorrelationID)
	if key := value(w.meta.IdempotencyKey); key != "" {
		// The key is the caller's own: another caller's command of the same key is another command.
		w.request.CommandID = "g1:" + c.Actor.Credential() + ":" + key
	}
	w.digest(input)
	return w
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func (w *write) bound(field string, s *string) {
	if s != nil && len(*s) > maxKey {
		w.refuse(&model.InvalidInput{Message: fmt.Sprintf("%s has %d bytes; at most %d", field, len(*s), maxKey), Path: []string{"input", "meta", field}, Code: model.UserErrorCodeTooLong})
	}
}

// digest hashes what is asked: the mutation and its input, without what only tells sendings apart.
func (w *write) digest(input any) {
	raw, err := json.Marshal(input)
	var members map[string]json.RawMessage
	if err == nil {
		err = json.Unmarshal(raw, &members)
	}
	if err == nil {
		delete(members, "meta")
		w.fields = members
		raw, err = json.Marshal([]any{w.name, w.slug, members, w.meta.IfUnchangedSince, value(w.meta.Reason)})
	}
	if err != nil {
		w.fault = fmt.Errorf("hash the input of %s: %w", w.name, err)
		return
	}
	w.request.Digest = sha256.Sum256(raw)
}

// ok says whether the mutation is still on its way.
func (w *write) ok() bool { return w.fault == nil && len(w.errors) == 0 }

func (w *write) refuse(err model.UserError) { w.errors = append(w.errors, err) }

func (w *write) noWorkspace() {
	w.refuse(&model.NotFoundError{Message: "there is no such workspace", Path: []string{"input", "workspace"}, Code: model.UserErrorCodeNotFound, Candidates: []string{}})
}

// text keeps a free text beside the log, and answers the reference that an event carries; nil stays nil.
func (w *write) text(s *string) *domain.Text {
	if s == nil || *s == "" {
		return nil
	}
	e := evidence.New([]byte(*s))
	w.evidence = append(w.evidence, e)
	return &domain.Text{Evidence: e.Digest}
}

// made is an id that the server makes up: the same one whenever the same command is sent again.
func (w *write) made() string {
	if w.request.CommandID == "" {
		id, err := uuid.NewV7()
		if err != nil {
			w.fault = fmt.Errorf("make up an id: %w", err)
		}
		return id.String()
	}
	return uuid.NewSHA1(eventstore.CommandSpace, []byte(string(w.request.Stream)+"\x00"+w.request.CommandID)).String()
}

// do carries out the command.
func (w *write) do(cmd domain.Command) { w.carry(cmd, w.Commands.Execute) }

// carry carries out the command by way of execute.
func (w *write) carry(cmd domain.Command, execute func(context.Context, eventstore.Request) (eventstore.Result, error)) {
	if !w.ok() {
		return
	}
	if len(w.needs) > 0 {
		cmd = among{cmd, w.needs}
	}
	w.request.Command, w.request.Evidence = cmd, w.evidence
	result, err := execute(w.ctx, w.request)
	if err != nil {
		w.judge(err, result)
		w.failed(err)
		return
	}
	w.result, w.done = result, true
}

// outcome is what the mutation answers.
func (w *write) outcome() model.Outcome {
	o := model.Outcome{UserErrors: w.errors, Revision: int64(w.result.Revision), Duplicate: w.result.Duplicate, ClientMutationID: w.meta.ClientMutationID}
	if o.UserErrors == nil {
		o.UserErrors = []model.UserError{}
	}
	if !w.done {
		o.Revision = w.newest()
	}
	return o
}

// judge remembers where the stream was when the model refused a command.
func (w *write) judge(err error, r eventstore.Result) {
	var refused *domain.Error
	switch {
	case !errors.As(err, &refused):
	case refused.Code == domain.NotFound && refused.Subject == "workspace": // or they may not see it
		none := domain.NoRevision
		w.judged = &none
	case w.judged == nil || *w.judged < r.Revision:
		w.judged = &r.Revision
	}
}

// newest is the workspace's revision for an answer in which nothing was done: the one that the command was judged by,
// or, where it came to no judgement, the last one of the stream. It is -1 where there is none to see.
func (w *write) newest() int64 {
	if w.org != "" {
		return w.newestIn()
	}
	holds, err := caller(w.ctx).holds(w.ctx, w.slug)
	if err != nil || !holds.Has(domain.ReadWorkspace) && !holds.Has(domain.IngestEvents) {
		return int64(domain.NoRevision)
	}
	if w.judged != nil {
		return int64(*w.judged)
	}
	s, err := w.Moments.ProgressOf(w.ctx, w.slug)
	if err != nil { // there is no such workspace, or nobody knows
		return int64(domain.NoRevision)
	}
	return int64(s.Head)
}

// readWait is how long an answer waits for what it has just written to be readable.
const readWait = 2 * time.Second

// after reads something at the first moment that has what the mutation wrote. What cannot be read in time is nil:
// the write stands all the same, and its revision is in the answer.
func after[T any](w *write, read func(ctx context.Context, at *model.Moment) (T, error)) func(context.Context) (T, error) {
	var none T
	if !w.done {
		return nil
	}
	least := int64(w.result.Revision)
	return func(ctx context.Context) (T, error) {
		at, err := w.reopen(ctx, least)
		var fault *Fault
		switch {
		case errors.Is(err, errNoWorkspace), errors.As(err, &fault) && (fault.Code == codeStale || fault.Code == codePaused):
			return none, nil
		case err != nil:
			return none, err
		}
		return read(ctx, at)
	}
}
