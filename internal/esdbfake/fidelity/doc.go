// Package fidelity shows from outside that internal/esdbfake answers as EventStoreDB and KurrentDB do: the suites of
// two clients which others wrote for real servers pass against it. They are KurrentDB-Client-Go, whose own tests are
// taken from its module and run unchanged, and the client for Node, which node/ drives through the same ground.
//
// scope.txt says which tests of the first have to pass and which are not run, and why. The controls turn it round:
// for every way in which the fake can be told to lie, a test has to fail.
//
// It is a module of its own, since KurrentDB-Client-Go and the client of our backend register the same protobuf
// messages: `make test-esdbfake` runs it. The suites know their servers by fixed ports of 127.0.0.1: 2111 to 2115.
package fidelity
