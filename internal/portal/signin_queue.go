package portal

import (
	"context"
	"sync"
	"time"

	"github.com/partner-operator/partner-operator/internal/address"
)

const (
	// signInsOfTenant is how many requests for sign-in links of one tenant can wait, and signInsAtOnce how many of them are
	// carried out at the same time.
	signInsOfTenant = 512
	signInsAtOnce   = 2
	// signInsAltogether is how many can wait of all tenants, but for the first few of each, which always can.
	signInsAltogether = 8192
	signInsReserved   = 32
)

// signInQueue holds the requests for sign-in links from their answer until they are carried out. Each tenant has places and
// workers of its own, so that a flood at one of them neither fills nor delays another's.
type signInQueue struct {
	// try carries out a request, or tells after how long it is to be tried again. Crowded: others need the place.
	try func(ctx context.Context, request *signInRequest, crowded bool) (again time.Duration, retry bool)

	mutex  sync.Mutex
	shares map[string]*signInShare
	taken  int
	// running is nil until work begins.
	running context.Context //nolint:containedctx // it is that of the process, which the timers need
	workers sync.WaitGroup
}

// signInShare is what one tenant has of the queue.
type signInShare struct {
	// taken counts the places: of requests that wait, and of those that are carried out.
	taken int
	// waiting are the requests that are not being carried out, by address, and ready those of them whose time has come.
	waiting map[string]*signInRequest
	ready   []*signInRequest
	working int
}

// take gives a request a place; its time runs from when it is told to start. If one for the address waits already, the two
// are one. It is false if too many of the tenant wait.
func (q *signInQueue) take(request signInRequest) (*signInRequest, bool) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	share := q.shares[request.namespace]
	if share == nil {
		share = &signInShare{waiting: map[string]*signInRequest{}}
	}
	key := address.Normalize(request.email)
	if earlier := share.waiting[key]; earlier != nil {
		earlier.asked, earlier.failed = request.asked, 0
		return nil, true
	}
	if share.taken >= signInsOfTenant || q.taken >= signInsAltogether && share.taken >= signInsReserved {
		return nil, false
	}
	if q.shares == nil {
		q.shares = map[string]*signInShare{}
	}
	q.shares[request.namespace] = share
	share.waiting[key] = &request
	share.taken++
	q.taken++
	return &request, true
}

// start lets a request be carried out after a while. Nil: one for the address waits already.
func (q *signInQueue) start(request *signInRequest, after time.Duration) {
	if request == nil {
		return
	}
	if q.stopping() { // there may be no time left
		after = 0
	}
	time.AfterFunc(after, func() { q.due(request) })
}

// due notes that the time of a request has come.
func (q *signInQueue) due(request *signInRequest) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	share := q.shares[request.namespace]
	if share == nil || share.waiting[address.Normalize(request.email)] != request { // it was carried out when the process stopped
		return
	}
	if q.running != nil && q.running.Err() != nil {
		q.leave(request.namespace, share)
		delete(share.waiting, address.Normalize(request.email))
		go q.try(context.WithoutCancel(q.running), request, true)
		return
	}
	share.ready = append(share.ready, request)
	q.work(share)
}

// work lets those be carried out whose time has come, as far as the share has workers.
func (q *signInQueue) work(share *signInShare) {
	for q.running != nil && q.running.Err() == nil && share.working < signInsAtOnce && len(share.ready) > 0 {
		next := share.ready[0]
		share.ready = share.ready[1:]
		delete(share.waiting, address.Normalize(next.email))
		share.working++
		q.workers.Go(func() { q.carryOut(share, next) })
	}
}

// carryOut carries out one request, and lets it wait again if that failed.
func (q *signInQueue) carryOut(share *signInShare, request *signInRequest) {
	q.mutex.Lock()
	crowded := share.taken > signInsOfTenant/2 || q.taken > signInsAltogether/2
	q.mutex.Unlock()
	again, retry := q.try(context.WithoutCancel(q.running), request, crowded)

	q.mutex.Lock()
	defer q.mutex.Unlock()
	share.working--
	key := address.Normalize(request.email)
	if retry && share.waiting[key] == nil {
		share.waiting[key] = request
		time.AfterFunc(again, func() { q.due(request) })
	} else {
		q.leave(request.namespace, share)
	}
	q.work(share)
}

// leave gives a place back.
func (q *signInQueue) leave(namespace string, share *signInShare) {
	share.taken--
	q.taken--
	if share.taken == 0 {
		delete(q.shares, namespace)
	}
}

// run carries out requests until the context ends. Those that wait then are carried out before it returns, as far as there
// is time.
func (q *signInQueue) run(ctx context.Context) {
	q.mutex.Lock()
	q.running = ctx
	for _, share := range q.shares {
		q.work(share)
	}
	q.mutex.Unlock()
	<-ctx.Done()
	q.rest(ctx)
	q.workers.Wait()
}

// stopping tells whether the process stops, so that nothing is tried again.
func (q *signInQueue) stopping() bool {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	return q.running != nil && q.running.Err() != nil
}

// rest carries out, when the process stops, all that waits.
func (q *signInQueue) rest(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), signInTimeout)
	defer cancel()
	q.mutex.Lock()
	var rest []*signInRequest
	for namespace, share := range q.shares {
		for _, request := range share.waiting {
			rest = append(rest, request)
			q.leave(namespace, share)
		}
		share.waiting, share.ready = map[string]*signInRequest{}, nil
	}
	q.mutex.Unlock()
	const workers = 8
	places := make(chan struct{}, workers)
	var all sync.WaitGroup
	for _, request := range rest {
		places <- struct{}{}
		all.Go(func() {
			q.try(ctx, request, true)
			<-places
		})
	}
	all.Wait()
}
