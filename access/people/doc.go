// Package people is the desk at which organizations, their members and their workspaces are changed: GraphQL, REST and
// the command line all hand their requests in here, so that a rule is kept in one place.
//
// The rules themselves are in package domain, which knows neither who asks nor what time it is. A [Desk] adds what they
// need from outside:
//
//   - Who asks, and what they may do there ([Desk.enter]). What somebody may not see is answered like what is not there;
//     what they see and may not change is refused by the name of the permission that it takes.
//   - What lies in another stream: the permissions of an organization's role that a workspace grants, whether the person,
//     team or service account that is named exists.
//   - Secrets and names: the secret of an invitation leaves in its link and stays behind as a digest; names of people are
//     sealed before they get into the log.
//   - Other people. Rights are looked up first and a command is decided later: where somebody changed what it is about in
//     between, it is not carried out, and the answer says what happened ([watched]).
//
// An organization and its default workspace are two streams, which no append writes at once. The organization is created
// first, and then the workspace, each by a command that does nothing when it is sent again; whatever is interrupted in
// between is finished by [Desk.Complete].
package people
