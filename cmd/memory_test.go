package main

import (
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"
)

func TestLimitMemory(t *testing.T) {
	t.Cleanup(func() { debug.SetMemoryLimit(math.MaxInt64) })
	for name, test := range map[string]struct {
		first, second string // what the files hold; empty: there is no such file
		environment   string
		want          int64
	}{
		"no files":                {"", "", "", 0},
		"cgroups 2":               {"1000000\n", "", "", 900_000},
		"cgroups 2, no limit":     {"max\n", "", "", 0},
		"cgroups 1":               {"", "2000000\n", "", 1_800_000},
		"cgroups 1, no limit":     {"", "9223372036854771712\n", "", 0},
		"GOMEMLIMIT goes first":   {"1000000\n", "", "64MiB", 0},
		"something else in there": {"many\n", "", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			debug.SetMemoryLimit(math.MaxInt64)
			dir := t.TempDir()
			files := []string{filepath.Join(dir, "first"), filepath.Join(dir, "second")}
			for n, text := range []string{test.first, test.second} {
				if text != "" {
					if err := os.WriteFile(files[n], []byte(text), 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}
			got := limitMemory(files, func(string) (string, bool) { return test.environment, test.environment != "" })
			if got != test.want {
				t.Errorf("the limit is %d, want %d", got, test.want)
			}
			if in := debug.SetMemoryLimit(-1); test.want != 0 && in != test.want || test.want == 0 && in != math.MaxInt64 {
				t.Errorf("the limit in force is %d", in)
			}
		})
	}
}
