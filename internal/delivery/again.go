package delivery

import "time"

// soonest is the least after which an object is looked at again: what is due by the clock need not be due by the cache.
const soonest = time.Second

// LookAgain is when an object is looked at again even if nothing happens to it. Its zero value is never.
type LookAgain struct {
	// RequeueAfter is after how long; 0: never.
	RequeueAfter time.Duration
}

// LookAt asks to look at a time, if that is before what was asked for so far; the zero time asks for nothing.
func (l *LookAgain) LookAt(at, now time.Time) {
	if at.IsZero() {
		return
	}
	after := max(at.Sub(now), soonest)
	if l.RequeueAfter == 0 || after < l.RequeueAfter {
		l.RequeueAfter = after
	}
}
