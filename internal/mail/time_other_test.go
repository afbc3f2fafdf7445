//go:build !linux

package mail

import "time"

var begun = time.Now()

// processorTime is the time that has passed: what else the machine does is measured, too.
func processorTime() time.Duration { return time.Since(begun) }
