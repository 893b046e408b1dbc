package graphql_test

import (
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/annals-io/annals/graphql/breaking"
)

// momentless are the queries that take no moment, each with the reason.
var momentless = map[string]string{
	"slugAvailability": "a slug that was ever taken is taken for ever, so that only now is a question",
	"viewer":           "it is about the credential of this request; what somebody could do earlier is asked of effectiveAccess",
	"server":           "it is about the program that answers",
	"permissions":      "the list is closed, and the program's own",
}

// Every query takes a moment, and its answer names the one that it shows.
func TestEveryQueryTakesAMoment(t *testing.T) {
	t.Parallel()
	schema, err := breaking.Load("../schema/graphql")
	if err != nil {
		t.Fatal(err)
	}
	asked := map[string]bool{}
	for _, f := range schema.Query.Fields {
		if strings.HasPrefix(f.Name, "__") {
			continue
		}
		asked[f.Name] = true
		if at := f.Arguments.ForName("asOf"); at == nil || at.Type.Name() != "AsOf" {
			if momentless[f.Name] == "" {
				t.Errorf("%s takes no asOf: give it one, or say in momentless why not", f.Name)
			}
			continue
		}
		if momentless[f.Name] != "" {
			t.Errorf("%s takes asOf, and is listed as taking none", f.Name)
		}
		if !namesMoment(schema, schema.Types[f.Type.Name()]) {
			t.Errorf("%s answers %s, which does not name the moment that is shown: it has no field asOf of type Moment", f.Name, f.Type)
		}
	}
	for name := range momentless {
		if !asked[name] {
			t.Errorf("there is no query %s any more", name)
		}
	}
}

// namesMoment says whether a type has the moment that it is true at, or the rows of its pages have.
func namesMoment(schema *ast.Schema, typ *ast.Definition) bool {
	if f := typ.Fields.ForName("asOf"); f != nil && f.Type.Name() == "Moment" {
		return true
	}
	nodes := typ.Fields.ForName("nodes")
	return nodes != nil && namesMoment(schema, schema.Types[nodes.Type.Name()])
}
