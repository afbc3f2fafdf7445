package main

import (
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// memoryLimits are the files in which the system tells how much memory the container may use, of either version of cgroups.
var memoryLimits = []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}

// heapShare is how much of that Go may use before it collects garbage more eagerly; the rest is for what it does not count.
const heapShare = 0.9

// limitMemory lets Go know of the limit of the container: what many objects leave behind while caches are filled is then
// collected in time, and not noticed by the system. GOMEMLIMIT goes before it. It gives the limit; 0: there is none.
func limitMemory(files []string, environment func(string) (string, bool)) int64 {
	if set, found := environment("GOMEMLIMIT"); found && set != "" {
		return 0
	}
	for _, file := range files {
		text, err := os.ReadFile(file) //nolint:gosec // the names are constants
		if err != nil {
			continue
		}
		// Without a limit the first has the word max, and the second more than there is on any machine.
		if most, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && most > 0 && most < 1<<60 {
			limit := int64(float64(most) * heapShare)
			debug.SetMemoryLimit(limit)
			return limit
		}
	}
	return 0
}
