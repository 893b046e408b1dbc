package transport

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// rules say of each code of a refused request what rule it broke, as one sentence that holds for all requests; it
// stands in extensions.rule. Refusals that know a closer one, such as a limit, bring it along.
var rules = map[string]string{
	codeBadRequest:  "A request is one JSON object of query, operationName, variables and extensions, or the same as parameters of a GET, in UTF-8.",
	codeTooLarge:    "A request is not larger than the limits say.",
	codeMediaType:   "A POST is application/json in UTF-8, without a content encoding.",
	codeAccept:      "Queries and mutations are answered as " + mediaGraphQL + " or " + mediaJSON + ", subscriptions as " + mediaEvents + " or over a WebSocket.",
	codeMethod:      "Queries are sent by GET or POST, mutations by POST.",
	codeOverloaded:  "A WebSocket carries a bounded number of operations at once.",
	codeConnections: "A caller has a bounded number of open streams: Server-Sent Events and WebSockets.",

	errcode.ParseFailed:      "A document is GraphQL, of no more tokens than the limits say.",
	errcode.ValidationFailed: "A document and its variables fit the schema.",
	"INTROSPECTION_DISABLED": "The schema is shown to callers with a key.",
	"OVERLOADED":             "There is room for a bounded number of callers who have not said who they are.",
	"UNAUTHENTICATED":        "Every request carries a key: Authorization: Bearer KEY.",
	"FORBIDDEN":              "A key has the scope that a request asks for.",
	"UNAVAILABLE":            "A request is taken while the server is ready and keys can be looked up.",
}

// refusedByGraphQL is the answer to a request that was refused before anything of it was carried out.
func refusedByGraphQL(ctx context.Context, exec graphql.GraphExecutor, op *graphql.OperationContext, errs gqlerror.List) *graphql.Response {
	for _, err := range errs {
		code, _ := err.Extensions["code"].(string)
		if rule, known := rules[code]; known && err.Extensions["rule"] == nil {
			err.Extensions["rule"] = rule
		}
	}
	return exec.DispatchError(graphql.WithOperationContext(ctx, op), errs)
}
