//go:build unchecked

package main

const firstWallIsDown = true
