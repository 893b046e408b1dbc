// Package rest answers plain HTTP: organizations, workspaces, people, runs, events and lineage as JSON documents under
// addresses of their own, for whoever would rather not speak GraphQL.
//
// It decides nothing itself. What is read is asked of GraphQL in the caller's name ([Asker]), so that a list of members or
// a run as of last March is the same by either door, with the same rights and the same limits; what is changed goes to the
// desks and commands that GraphQL's mutations go to. What is left is the manner of HTTP:
//
//   - An [action] is a route with its description. There is no route without one, and parameters are checked by what the
//     description says of them, so that the OpenAPI document cannot promise what the server does not do.
//   - A resource's revision is its ETag; If-Match refuses a change of what has changed since (412). Idempotency-Key makes a
//     change happen once however often it is sent. The parameter asOf shows an earlier moment, atLeast waits for one's own
//     write.
//   - A list is {"items", "nextCursor", "totalCount"}.
//   - What the caller may not see is answered like what is not there: 404, with the same words. What they see and may not
//     change is 403 and names the permission.
package rest
