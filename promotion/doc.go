// Package promotion takes artifact versions from one workspace to another: it is the desk at which GraphQL, REST and the
// command line ask for it, and what finishes promotions that were interrupted.
//
// A promotion is facts in two streams, and nothing appends to two streams at once. So it goes in three steps, each a
// command that does nothing when it is sent again:
//
//  1. The source says that the version was sent ([domain.ArtifactVersionSent]). The plan, what is to be received where,
//     lies beside it as evidence. From here on the promotion happens, whoever carries it on.
//  2. The target says that it was received ([domain.ArtifactVersionReceived]), or refuses.
//  3. The source says how it ended.
//
// A process that dies between two steps leaves an open promotion, and [Desk.Run] of any process carries that on: the plan
// says all that is needed, and the ids of the commands are made of the promotion's. Rights are judged before the first
// step, and never again: who might promote when they did, did.
//
// Neither stream names the other workspace. What each side knows of the other is evidence, which no API shows as it is;
// who may see both sides is told by [read.DB.Counterparts].
package promotion
