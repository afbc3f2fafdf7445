package mail

import (
	"time"

	"golang.org/x/sys/unix"
)

// processorTime is how long the thread has been busy, so that what else the machine does is not measured.
func processorTime() time.Duration {
	var busy unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &busy); err != nil {
		panic(err)
	}
	return time.Duration(busy.Nano())
}
