// Package machine says what a machine lacks for a test.
package machine

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// Lacks skips a test and says loudly what is not tested, and why. With REQUIRED in the environment the test fails.
func Lacks(t testing.TB, what string, why ...any) {
	t.Helper()
	text := "NOT TESTED: " + what + ": " + strings.TrimSpace(fmt.Sprint(why...))
	if os.Getenv("REQUIRED") != "" {
		t.Fatal(text)
	}
	fmt.Fprintln(os.Stderr, text) // a skipped test of a package that passes says nothing
	t.Skip(text)
}
