package graphql

import (
	"fmt"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/model"
)

// A denied is why somebody who sees a place may not do something there. Mutations say it as data, like every other reason
// why they did nothing; a field that is read has no place for that, and says it as a fault.
type denied struct {
	what       string // a mutation or a field
	permission domain.Permission
	scope      string // that a key would have to have; empty: it is not the key that is in the way
	message    string
}

// lacks says why the caller may not do something: their key was not made for it, or they may not themselves.
func (c Caller) lacks(what string, needs needed, place string) denied {
	d := denied{what: what, permission: needs.permission}
	if c.Principal == nil || !c.Allows(needs.permission) {
		d.scope = needs.scope
		d.message = fmt.Sprintf("this key may not do %s: it lacks the scope %s", what, needs.scope)
		return d
	}
	d.message = fmt.Sprintf("you may not do %s: it takes the permission %s in %s, which none of your roles there has", what, needs.permission, place)
	return d
}

// refusal is the answer of a mutation; path is where in its input the place was named.
func (d denied) refusal(path ...string) *model.PermissionDenied {
	return &model.PermissionDenied{
		Message: d.message, Path: append([]string{"input"}, path...), Code: model.UserErrorCodeForbidden,
		Missing: []string{string(d.permission)}, Scope: model.Word(d.scope),
	}
}

// fault is the answer of a field that is read.
func (d denied) fault() error {
	more := map[string]any{"permission": string(d.permission)}
	if d.scope != "" {
		more["scope"], more["rule"] = d.scope, fmt.Sprintf("%s wants a key with the scope %s.", d.what, d.scope)
		return noScope(d.message, more)
	}
	more["reason"], more["rule"] = "permission_missing", fmt.Sprintf("%s takes the permission %s.", d.what, d.permission)
	return &Fault{codeForbidden, d.message, more}
}

// withScope names the scope that the caller's key would have to have, where it is the key that keeps them from what the
// domain refused.
func (c Caller) withScope(p *model.PermissionDenied) *model.PermissionDenied {
	if c.Principal == nil {
		return p
	}
	for _, missing := range p.Missing {
		if may := domain.Permission(missing); !c.Allows(may) {
			if scope, ok := access.LeastScope(may); ok {
				p.Scope = model.Word(string(scope))
			}
		}
	}
	return p
}

// otherRun refuses the token of a run that was sent for something else.
func otherRun(field, message string) *model.PermissionDenied {
	return &model.PermissionDenied{Message: message, Path: []string{"input", field}, Code: model.UserErrorCodeForbidden, Missing: []string{}}
}
