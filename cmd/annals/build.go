package main

import (
	"encoding/json"
	"runtime"
	"runtime/debug"
)

// buildVersion is the version of this program: the one it was built as, else that of the module.
func buildVersion() string {
	if version != "dev" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return version
}

func goVersion() string { return runtime.Version() }
func platform() string  { return runtime.GOOS + "/" + runtime.GOARCH }

// rawJSON writes a value of ours, which cannot fail.
func rawJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // a type that JSON cannot write: a fault of this program
	}
	return b
}
