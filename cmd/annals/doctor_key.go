package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/annals-io/annals/access"
)

func checkKey(k keyStatus) check {
	words := make([]string, len(k.Scopes))
	for i, s := range k.Scopes {
		words[i] = string(s)
	}
	out := check{Name: "key", OK: true, Detail: fmt.Sprintf("%s may %s", k.ID, strings.Join(words, ", "))}
	if k.Workspace != "" {
		out.Detail += " in " + k.Workspace
	}
	switch {
	case k.ExpiresAt == nil:
		out.Detail += ", without end"
	default:
		out.Detail += ", until " + k.ExpiresAt.UTC().Format("2006-01-02 15:04Z")
		if left := time.Until(*k.ExpiresAt); left < keyNotice {
			out.Hint = fmt.Sprintf("it ends in %d days: have another one made by `annals key create`", int(left.Hours()/24))
		}
	}
	return out
}

// checkKeys looks at all keys of the server, where the caller's own may list them: an orchestrator whose key ends would
// otherwise be the first to notice.
func (c *client) checkKeys(ctx context.Context, own keyStatus) []check {
	if own.Workspace != "" || !slices.Contains(own.Scopes, access.Admin) {
		return nil
	}
	var keys struct {
		Items []struct {
			ID, Name  string
			ExpiresAt *time.Time
		}
	}
	if err := c.rest(ctx, http.MethodGet, "/v1/keys", nil, &keys); err != nil {
		f := failureOf(err)
		return []check{{Name: "keys", Detail: f.Message, Hint: f.Hint}}
	}
	var ending []string
	for _, k := range keys.Items {
		if k.ExpiresAt == nil {
			continue
		}
		if left := time.Until(*k.ExpiresAt); left < keyNotice {
			ending = append(ending, fmt.Sprintf("%s (%s) ends in %d days", k.ID, k.Name, int(left.Hours()/24)))
		}
	}
	out := check{Name: "keys", OK: true, Detail: fmt.Sprintf("%d in use, none ends within %d days", len(keys.Items), int(keyNotice.Hours()/24))}
	if len(ending) > 0 {
		out.Detail = fmt.Sprintf("%d in use; %s", len(keys.Items), strings.Join(ending, ", "))
		out.Hint = "have others made by `annals key create` before they end"
	}
	return []check{out}
}
