//go:build !unchecked

package main

// soakFindsLeaks says that the build's checks are switched off.
const soakFindsLeaks = false
