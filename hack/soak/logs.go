package main

import (
	"fmt"
	"strings"
	"time"
)

// aftermath is how long after a fault its errors may be logged: a request gives up after 45 seconds, and a claim is left
// alone for a minute.
const aftermath = 75 * time.Second

// explained counts the errors in a log by message. A panic or data race is a finding, and so is an error while nothing
// went wrong.
func explained(replica string, log []logged, faults []fault) (found []finding, lines []string) {
	counts, examples := map[string]int{}, map[string]string{}
	for _, l := range log {
		if l.Fatal {
			found = append(found, finding{"panics", "replica " + replica + ": " + l.Message})
			continue
		}
		if strings.Contains(l.Error, "because it is being terminated") {
			continue // an event in a tenant that is being removed
		}
		counts[l.Message]++
		examples[l.Message] = l.Error
		if !anyFault(faults, l.At.Add(-aftermath), l.At, func(fault) bool { return true }) {
			found = append(found, finding{"logs an error", fmt.Sprintf("replica %s, and no fault explains it: %s: %s", replica, l.Message, l.Error)})
		}
	}
	for _, message := range sorted(counts) {
		example, _, _ := strings.Cut(examples[message], "\n")
		lines = append(lines, fmt.Sprintf("log of %s: %4d × %s: %.120s", replica, counts[message], message, example))
	}
	return found, lines
}
