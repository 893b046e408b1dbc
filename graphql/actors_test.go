package graphql_test

import (
	"testing"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// Whoever may read a history is told who acted, by name as far as there is one; also who has left since.
func TestActorsAreCalledByName(t *testing.T) {
	t.Parallel()
	h := peopled(t)
	h.must("lab", domain.GrantRole{At: here, Member: domain.Person(bob), Role: domain.Member, By: everything})
	by := func(a domain.Actor, name string) {
		t.Helper()
		r := eventstore.Request{Stream: domain.WorkspaceStream("lab"), Meta: domain.Meta{Actor: a}, Command: domain.RenameWorkspace{Name: name}}
		result, err := h.commands.Execute(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.engine.Wait(t.Context(), "lab", result.Revision); err != nil {
			t.Fatal(err)
		}
	}
	by(domain.Actor{Kind: "account", ID: bob.String(), Key: "k1"}, "by Bob")
	by(domain.Actor{Kind: "service_account", ID: nightly.ID}, "by nightly")
	by(domain.Actor{Kind: "account", ID: cid.String()}, "by one who was erased")
	by(domain.Actor{Kind: "account", ID: dee.String()}, "by nobody who is known")
	by(domain.Actor{Kind: "key", ID: "old"}, "by a key")
	h.must("lab", domain.RemoveMember{At: here, Member: domain.Person(bob), By: everything})
	a := h.ask(`{ workspace(slug: "lab") {
		auditLog(first: 50, filter: {types: ["workspace.renamed"]}) { nodes { actor { kind id key name } } edges { node { actor { name } } } }
		removed: auditLog(first: 1, filter: {types: ["member.removed"]}) { nodes { actor { name } } }
	} organization(slug: "personal") { auditLog(first: 1) { nodes { actor { name } } } } }`)
	want := map[string]string{"workspace.removed.nodes": `[{"actor":{"name":"Ann"}}]`, "organization.auditLog.nodes": `[{"actor":{"name":"Ann"}}]`}
	for i, name := range []string{"null", "null", "null", "nightly", "Bob"} { // the newest first
		n := string(rune('0' + i))
		want["workspace.auditLog.nodes."+n+".actor.name"] = name
		want["workspace.auditLog.edges."+n+".node.actor.name"] = name
	}
	a.want(want)
}
