module github.com/annals-io/annals/internal/esdbfake/fidelity

go 1.26.0

// Its tests are run, not imported: both clients register the same protobuf messages and cannot share a binary.
require github.com/kurrent-io/KurrentDB-Client-Go v1.1.1
