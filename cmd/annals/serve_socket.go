package main

import (
	"context"
	"net/http"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/graphql/transport"
)

// admit judges a key that came with the first message of a WebSocket, in the words of package graphql.
func admit(ctx context.Context, authorization string) (context.Context, *transport.Denial) {
	ctx, no := access.Admit(ctx, authorization)
	if no != nil {
		return nil, &transport.Denial{Message: no.Code + ": " + no.Message, Later: no.Status == http.StatusServiceUnavailable}
	}
	return ctx, nil
}
