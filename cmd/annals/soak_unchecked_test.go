//go:build unchecked

package main

const soakFindsLeaks = true
