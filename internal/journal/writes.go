package journal

import (
	"context"
	"sync/atomic"
	"time"

	v1 "k8s.io/api/events/v1"
	"k8s.io/client-go/tools/events"
)

// settled is how long no write has to be under way until it is believed that none follows: the broadcaster hands each
// event to a goroutine of its own, which nobody can wait for.
const settled = 50 * time.Millisecond

// writes counts the events that are being written.
type writes struct {
	events.EventSink
	underWay atomic.Int64
	// begun is how many ever were.
	begun atomic.Int64
}

func (w *writes) begin() (end func()) {
	w.underWay.Add(1)
	w.begun.Add(1)
	return func() { w.underWay.Add(-1) }
}

// Create writes a new event.
func (w *writes) Create(ctx context.Context, e *v1.Event) (*v1.Event, error) {
	defer w.begin()()
	return w.EventSink.Create(ctx, e)
}

// Patch writes that an event happened again.
func (w *writes) Patch(ctx context.Context, e *v1.Event, patch []byte) (*v1.Event, error) {
	defer w.begin()()
	return w.EventSink.Patch(ctx, e, patch)
}

// rest waits until nothing is under way any more, as long as the context allows.
func (w *writes) rest(ctx context.Context) {
	for before := int64(-1); w.underWay.Load() > 0 || w.begun.Load() != before; {
		before = w.begun.Load()
		select {
		case <-ctx.Done():
			return
		case <-time.After(settled):
		}
	}
}
