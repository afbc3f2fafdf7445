// Package webhook finds the events that other systems are told of, and hands them to a receiver by HTTP. They wait in
// memory, and who offers them never does: what does not fit is lost, and counted. While the receiver is away one event at
// a time tries it; events of one object keep their order.
package webhook

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/go-logr/logr"

	"github.com/partner-operator/partner-operator/internal/cloudevent"
	"github.com/partner-operator/partner-operator/internal/metrics"
)

const (
	// capacity is the most bytes of events that wait: some 20 000 of them.
	capacity = 16 << 20
	// workers is the most events that are handed over at once.
	workers = 8
	// tryTimeout is the longest that one try may take.
	tryTimeout = 10 * time.Second
	// firstPause and lastPause are how long all wait after the receiver took nothing: each time twice as long.
	firstPause = time.Second
	lastPause  = time.Minute
	// GiveUpAfter is how long after an event happened it is still handed over.
	GiveUpAfter = 24 * time.Hour
	// drainTime is how long the end may take.
	drainTime = 5 * time.Second
	// complainEvery is how often at most the log tells of what is lost, and of a receiver that takes nothing.
	complainEvery = time.Minute
)

// Sink holds events until a receiver took them. It is safe for use from many goroutines.
type Sink struct {
	receiver *Receiver
	log      logr.Logger
	now      func() time.Time
	// capacity, try and pause are the constants, or shorter in tests.
	capacity         int
	try, pause, last time.Duration

	mutex   sync.Mutex
	changed *sync.Cond
	// lines are the events that wait, by object. The first of each may be under way.
	lines map[string][]waiting
	bytes int
	// fresh and again are the objects of which an event may go: those that were not tried yet, and those that were.
	fresh, again []string
	// refusals counts how often in turn the receiver took nothing. Until then nothing is tried, then one event.
	refusals int
	until    time.Time
	probing  bool
	ending   bool

	complaints complaints
}

// waiting is an event that waits.
type waiting struct {
	body []byte
	at   time.Time
}

// New makes a sink. It hands over nothing before Run.
func New(receiver *Receiver, log logr.Logger, now func() time.Time) *Sink {
	s := &Sink{
		receiver: receiver, log: log, now: now, lines: map[string][]waiting{},
		capacity: capacity, try: tryTimeout, pause: firstPause, last: lastPause,
	}
	s.changed = sync.NewCond(&s.mutex)
	return s
}

// Offer takes an event to hand over, or counts it as lost. It does not wait.
func (s *Sink) Offer(e cloudevent.Event) {
	body, err := e.Encode()
	if err != nil {
		s.log.Error(err, "An event cannot be written", "type", e.Type, "subject", e.Subject)
		return
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.bytes+len(body) > s.capacity {
		s.lose(metrics.EventDropped, "too many wait")
		return
	}
	object := e.Data.UID
	if len(s.lines[object]) == 0 {
		s.fresh = append(s.fresh, object)
	}
	s.lines[object] = append(s.lines[object], waiting{body, e.Time})
	s.bytes += len(body)
	metrics.EventsWaiting.Inc()
	s.changed.Broadcast()
}

// Oldest is when the first of the events happened that wait; false: none waits.
func (s *Sink) Oldest() (oldest time.Time, found bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, line := range s.lines {
		for _, each := range line {
			if !found || each.at.Before(oldest) {
				oldest, found = each.at, true
			}
		}
	}
	return oldest, found
}

// Run hands over events until the context ends, and then, as long as the receiver takes them, what waits for up to five
// seconds more. What is left after that stays.
func (s *Sink) Run(ctx context.Context) {
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() {
		s.end()
		time.AfterFunc(drainTime, stop)
	})()
	var running sync.WaitGroup
	for range workers {
		running.Go(func() {
			for object, body, ok := s.next(); ok; object, body, ok = s.next() {
				s.settle(object, s.hand(work, body))
			}
		})
	}
	ticker := time.NewTicker(complainEvery)
	defer ticker.Stop()
	ended := make(chan struct{})
	go func() { running.Wait(); close(ended) }()
	for {
		select {
		case <-ended:
			s.close()
			return
		case <-ticker.C:
			s.mutex.Lock()
			s.report()
			s.mutex.Unlock()
		}
	}
}

func (s *Sink) end() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.ending = true
	s.changed.Broadcast()
}

func (s *Sink) hand(ctx context.Context, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, s.try)
	defer cancel()
	return s.receiver.send(ctx, body)
}

// next waits for an event that may go now; false: there will be none.
func (s *Sink) next() (object string, body []byte, ok bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for {
		if s.ending && (len(s.lines) == 0 || s.refusals > 0) {
			return "", nil, false
		}
		if line := s.due(); line != nil {
			object, *line = (*line)[0], (*line)[1:]
			s.probing = s.refusals > 0
			return object, s.lines[object][0].body, true
		}
		s.changed.Wait()
	}
}

// due is the list whose first object may go now; nil: none may.
func (s *Sink) due() *[]string {
	if s.refusals > 0 && (s.probing || s.now().Before(s.until)) {
		return nil
	}
	if len(s.fresh) > 0 {
		return &s.fresh
	}
	if len(s.again) > 0 {
		return &s.again
	}
	return nil
}

// settle draws the conclusion of a try.
func (s *Sink) settle(object string, err error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	defer s.changed.Broadcast()
	defer s.report()
	var no *refused
	switch {
	case err == nil:
		metrics.Events.WithLabelValues(metrics.EventDelivered).Inc()
		s.recovered()
		s.done(object)
	case errors.As(err, &no):
		s.lose(metrics.EventRefused, err.Error())
		s.recovered()
		s.done(object)
	case s.now().Sub(s.lines[object][0].at) > GiveUpAfter:
		s.lose(metrics.EventExpired, "for a day "+err.Error())
		s.done(object)
		s.rest(err)
	default:
		metrics.Events.WithLabelValues(metrics.EventFailed).Inc()
		s.again = append(s.again, object)
		s.rest(err)
	}
}

// done takes the first event of an object away.
func (s *Sink) done(object string) {
	line := s.lines[object]
	s.bytes -= len(line[0].body)
	metrics.EventsWaiting.Dec()
	if len(line) == 1 {
		delete(s.lines, object)
		return
	}
	s.lines[object] = line[1:]
	s.fresh = append(s.fresh, object)
}

// rest lets all wait for the receiver. Tries that were under way at once count as one.
func (s *Sink) rest(err error) {
	if s.refusals > 0 && !s.probing {
		return
	}
	s.probing = false
	pause := s.last
	if s.refusals < 10 {
		pause = min(s.pause<<s.refusals, s.last)
	}
	s.refusals++
	pause -= time.Duration(rand.Int64N(int64(pause)/2 + 1)) //nolint:gosec // replicas need not be unpredictable
	var busy *unwell
	if errors.As(err, &busy) {
		pause = max(pause, min(busy.after, s.last))
	}
	s.until = s.now().Add(pause)
	time.AfterFunc(pause, s.changed.Broadcast)
	s.complaints.ailment = err.Error()
}

// recovered notes that the receiver takes events.
func (s *Sink) recovered() {
	s.refusals, s.probing = 0, false
}
