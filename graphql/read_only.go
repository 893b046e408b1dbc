package graphql

import (
	"context"

	gql "github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// codeReadOnly is the error of every mutation where nothing can be changed, whoever asks.
const codeReadOnly = "READ_ONLY"

// readOnly refuses mutations whole, and says why.
func readOnly(message string) gql.OperationMiddleware {
	return func(ctx context.Context, next gql.OperationHandler) gql.ResponseHandler {
		if gql.GetOperationContext(ctx).Operation.Operation != ast.Mutation {
			return next(ctx)
		}
		return gql.OneShot(&gql.Response{Errors: gqlerror.List{{Message: message, Extensions: map[string]any{"code": codeReadOnly}}}})
	}
}
