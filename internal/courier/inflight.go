package courier

import (
	"context"
	"sync"
)

// inFlight counts what must not be broken off, until no more may begin. The zero value is ready for use.
type inFlight struct {
	count sync.WaitGroup

	mutex sync.Mutex
	over  bool
}

// begin tells whether one more may begin, which calls end later.
func (f *inFlight) begin() bool {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.over {
		return false
	}
	f.count.Add(1)
	return true
}

func (f *inFlight) end() { f.count.Done() }

// finish lets no more begin, and waits until all have ended or the context has.
func (f *inFlight) finish(ctx context.Context) {
	f.mutex.Lock()
	f.over = true
	f.mutex.Unlock()
	ended := make(chan struct{})
	go func() {
		f.count.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
}
