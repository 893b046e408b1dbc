// Package workspaces is what can be done with a workspace as a whole and takes more than one command: ending it.
//
// A workspace is deleted by one event, the last of its stream. What still runs would be cut off by that, so some things
// stand in the way ([Blocker]) until somebody ends them; the others end with the workspace and stay as history. Which
// kind of thing does which is one closed table, and a test fails where a new kind is in neither half of it.
//
// What stands in the way is found in the read model and decided in the log: the read model is looked at as of a revision
// that is the last one of the stream, and the event is appended only where it still is ([eventstore.Request.IfStreamAt]).
// So a run that starts at the same moment either comes first, and is found when the read model is looked at again, or comes
// after, and is refused. Nothing is written before the one event, so nothing has to be taken back when a server dies.
package workspaces
