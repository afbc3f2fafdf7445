package webhook

import (
	"time"

	"github.com/partner-operator/partner-operator/internal/metrics"
)

// complaints are what the log has yet to tell. It does so once in a while, however much there is.
type complaints struct {
	// lost is how many events were lost since it told so, and why the latest of them was.
	lost int
	why  string
	// ailment is why the receiver last took nothing; ailing: the log said that it takes nothing.
	ailment string
	ailing  bool
	// told is when the log last told anything.
	told time.Time
}

// lose counts an event that nobody will get.
func (s *Sink) lose(result, why string) {
	metrics.Events.WithLabelValues(result).Inc()
	s.complaints.lost++
	s.complaints.why = why
	s.report()
}

// report lets the log tell what there is to tell, unless it did so a moment ago.
func (s *Sink) report() {
	c := &s.complaints
	now := s.now()
	if !c.told.IsZero() && now.Sub(c.told) < complainEvery {
		return
	}
	if c.lost > 0 {
		s.log.Info("Events were lost", "count", c.lost, "cause", c.why)
		c.lost, c.told = 0, now
	}
	if ails := s.refusals > 0; ails != c.ailing {
		c.ailing, c.told = ails, now
		if ails {
			s.log.Info("Events wait, since the receiver does not take them", "cause", c.ailment)
		} else {
			s.log.Info("The receiver takes events again")
		}
	}
}

// close tells what was not told yet, and what is left.
func (s *Sink) close() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.complaints.told = time.Time{}
	s.report()
	left := 0
	for _, line := range s.lines {
		left += len(line)
	}
	if left > 0 {
		s.log.Info("Events are left for the next process", "count", left)
	}
}
