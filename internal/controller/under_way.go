package controller

import (
	"context"
	"sync"
)

// underWay counts what must not be broken off, until no more may begin. The zero value is ready for use.
type underWay struct {
	count sync.WaitGroup

	mutex sync.Mutex
	over  bool
}

// begin tells whether one more may begin, which calls end later.
func (u *underWay) begin() bool {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	if u.over {
		return false
	}
	u.count.Add(1)
	return true
}

func (u *underWay) end() { u.count.Done() }

// finish lets no more begin, and waits until all have ended or the context has.
func (u *underWay) finish(ctx context.Context) {
	u.mutex.Lock()
	u.over = true
	u.mutex.Unlock()
	ended := make(chan struct{})
	go func() {
		u.count.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
}
