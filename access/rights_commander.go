package access

import (
	"context"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// deciding are the kinds of entities by which rights are judged.
var deciding = map[domain.Kind]bool{
	domain.KindWorkspace: true, domain.KindOrganization: true, domain.KindAccount: true,
	domain.KindRoster: true, domain.KindTeam: true, domain.KindServiceAccount: true,
}

// watched tells rights of what is carried out.
type watched struct {
	eventstore.Commander
	rights *Rights
}

// Watch is the commander through which this process changes who may do what: what it carried out counts from the next
// question on.
func (r *Rights) Watch(c eventstore.Commander) eventstore.Commander { return watched{c, r} }

// Execute carries out a command.
func (w watched) Execute(ctx context.Context, q eventstore.Request) (eventstore.Result, error) {
	result, err := w.Commander.Execute(ctx, q)
	w.tell(q)
	return result, err
}

// ExecuteAll carries out several.
func (w watched) ExecuteAll(ctx context.Context, qs []eventstore.Request) []eventstore.Answer {
	answers := w.Commander.ExecuteAll(ctx, qs)
	for _, q := range qs {
		w.tell(q)
	}
	return answers
}

// tell makes rights look again where the command was about what they are judged by, whatever became of it: also one whose
// outcome is not known may have been carried out.
func (w watched) tell(q eventstore.Request) {
	for _, e := range q.Command.Needs() {
		if deciding[e.Kind] {
			w.rights.lens.Forget(q.Stream)
			return
		}
	}
}
