// Package transport carries GraphQL over HTTP, Server-Sent Events and WebSockets.
//
// [HTTP] answers queries and mutations as the GraphQL-over-HTTP specification has it: strict about what it reads,
// and with one table ([status]) from what went wrong to the status. [SSE] carries subscriptions in the distinct
// connections mode of the GraphQL-over-SSE protocol; [WebSocket] speaks graphql-transport-ws. All of them take any
// [graphql.GraphExecutor]; none keeps state between requests, and none repeats in an answer what it could not read.
package transport
