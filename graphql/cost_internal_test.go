package graphql

import (
	"reflect"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/annals-io/annals/graphql/generated"
	"github.com/annals-io/annals/graphql/limit"
)

// TestEveryPageHasACost: a list whose length the caller chooses must cost its rows, or the limit on cost means nothing.
func TestEveryPageHasACost(t *testing.T) {
	t.Parallel()
	limits, err := limit.Limits{}.Complete()
	if err != nil {
		t.Fatal(err)
	}
	root := reflect.ValueOf(costs(limits))
	schema := generated.NewExecutableSchema(generated.Config{Resolvers: &Resolver{}}).Schema()
	checked := 0
	for name, def := range schema.Types {
		if def.Kind != ast.Object || strings.HasPrefix(name, "__") {
			continue
		}
		for _, f := range def.Fields {
			chosen := f.Arguments.ForName("first") != nil || f.Arguments.ForName("maxNodes") != nil || f.Arguments.ForName("ids") != nil
			if !chosen && !strings.HasSuffix(f.Type.Name(), "Connection") {
				continue
			}
			checked++
			cost := named(named(root, name), f.Name)
			if !cost.IsValid() || cost.IsNil() {
				t.Errorf("%s.%s costs as little as one row: add it to costs", name, f.Name)
			}
		}
	}
	if checked < 15 {
		t.Errorf("%d lists were found; the test looks in the wrong place", checked)
	}
}

func named(v reflect.Value, name string) reflect.Value {
	if !v.IsValid() {
		return v
	}
	return v.FieldByNameFunc(func(s string) bool { return strings.EqualFold(s, name) })
}
