// Package operations is about work that takes longer than a request, and outlives whoever asked for it: to verify the read
// models, to build them anew, to export and import a workspace, to erase.
//
// An [Operation] is a row of the table ops.operations. A [Desk] takes orders and says how they stand; its [Desk.Run] carries
// them out, on any server of the database. Each kind of work is a [Runner], which the server registers with a [Rule].
//
// How an operation survives. The server that runs it holds a tenure, which it prolongs every half second along with the
// progress; the terminal that asked has no part in it. A server that stops gives the operation back; one that is killed does
// not, and its tenure ends by itself ([Config.Lease]). Either way another server, or the same one after its restart, takes the
// operation up, from the checkpoint that the Runner kept by [Op.Keep]. Every tenure has a higher term than the one before:
// [Op.Keep], [Op.Fence] and the writing of the result refuse a server whose term is over, so that one that was thought dead
// and is only slow changes nothing any more.
//
// How an operation ends: done with a result; done with a [Finding], such as differences, which is a result with a name;
// failed, with what was wrong; cancelled. One that failed or was cancelled can be resumed and goes on from its checkpoint.
// What passes by itself, such as a database that restarts, fails nothing: the work is given back and taken up again.
//
// Neither progress nor results are events: an operation changes nothing of the history but by the commands it carries out. Rows
// are kept for 90 days after their end.
package operations
