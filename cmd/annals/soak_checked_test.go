//go:build !unchecked

package main

// firstWallIsDown says that whoever answers lets everybody do everything.
const firstWallIsDown = false
