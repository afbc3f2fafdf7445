//go:build !linux

package main

import (
	"fmt"
	"os"
)

// main says that there is nothing to run.
func main() {
	fmt.Fprintln(os.Stderr, "loopback: the node of the test runs on Linux alone")
	os.Exit(77)
}
