package courier

import (
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/partner-operator/partner-operator/internal/delivery"
)

// reservedFor is how long a slot is kept for an object that was told that it is its turn.
const reservedFor = 10 * time.Second

// place names an object and the controller that sends its mails.
type place struct {
	controller string
	reconcile.Request
}

// text is a name for logs and circuits.
func (p place) text() string { return p.controller + "/" + p.String() }

// placeOf reads a text of a place.
func placeOf(text string) (place, bool) {
	parts := strings.Split(text, "/")
	if len(parts) != 3 {
		return place{}, false
	}
	return place{parts[0], reconcile.Request{NamespacedName: types.NamespacedName{Namespace: parts[1], Name: parts[2]}}}, true
}

// request is a mail that asks for a slot.
type request struct {
	place
	*Tenant
	try delivery.Try
	// awaited: a person waits for it.
	awaited bool
	// since is when it first asked.
	since time.Time
	// hasNews: that it asked changed what is known of its sender.
	hasNews bool
}

// pass is a slot, in which one mail is handed over.
type pass struct {
	*request
	// doubtful: it was not known whether the mail server takes mail in time.
	doubtful bool
}

// gate shares out the slots, of which there are so many that each namespace leaves some to the others. Namespaces take
// turns, the one with the fewest slots first; within one those go first that a person waits for, then the oldest. Nobody
// waits here: who gets no slot is told when it is their turn, and has it reserved until then.
type gate struct {
	now func() time.Time
	// slots is how many mails are handed over at once, and most how many of one namespace.
	slots, most int

	mutex    sync.Mutex
	used     int
	doubtful int
	of       map[string]int // used, by namespace
	lines    map[string]*line
	turn     int64
	reserved map[place]*pass
	queues   map[string]workqueue.TypedRateLimitingInterface[reconcile.Request]
}

func newGate(concurrency int, now func() time.Time) *gate {
	return &gate{
		now: now, slots: concurrency + 2, most: concurrency,
		of: map[string]int{}, lines: map[string]*line{}, reserved: map[place]*pass{},
		queues: map[string]workqueue.TypedRateLimitingInterface[reconcile.Request]{},
	}
}

// enter gives a slot, or none: then the object is told when it is its turn, or the circuits are not closed, and it has to
// come again after a while; 0: it is told.
func (g *gate) enter(r *request) (*pass, time.Duration) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	p := g.reserved[r.place]
	delete(g.reserved, r.place)
	if p != nil && (p.transport != r.transport || p.sender != r.sender) {
		g.giveUp(p)
		p = nil
	}
	if p == nil {
		if g.isBehind(r) || !g.hasRoom(r) {
			g.queue(r)
			return nil, 0
		}
		p = g.take(r)
	}
	p.request = r
	now, before := g.now(), r.transport.health(r.sender)
	answer, until := r.transport.ask(r, now)
	r.hasNews = before.Reason != r.transport.health(r.sender).Reason
	if answer == delivery.Granted {
		g.line(r.Namespace).remove(r.place)
		return p, 0
	}
	g.giveUp(p)
	g.handOut()
	if answer == delivery.Busy {
		return nil, busyFor
	}
	return nil, max(until.Sub(now), busyFor)
}

// busyFor is when a mail asks again that has to let others go first.
const busyFor = time.Second

// news is what others have to know of a mail that was tried.
type news struct {
	// ofServer and ofSender tell that something else is known of one.
	ofServer, ofSender bool
	// takenBack are mails whose refusal was not about them.
	takenBack []delivery.Try
}

// leave gives a slot back. What came of it is nil if nothing was tried; else it comes back as the circuits understand it.
func (g *gate) leave(p *pass, o *delivery.Outcome) (ruled delivery.Outcome, of news) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if o == nil {
		of.ofSender = p.transport.withdraw(p.request)
		g.giveUp(p)
	} else {
		ruled, of = p.transport.learn(p.request, *o, g.now())
		g.free(p)
	}
	g.handOut()
	return ruled, of
}

// isBehind tells whether others of the namespace have waited longer for the same.
func (g *gate) isBehind(r *request) bool {
	l := g.lines[r.Namespace]
	return l != nil && l.isBehind(r)
}

// hasRoom tells whether a mail could have a slot.
func (g *gate) hasRoom(r *request) bool {
	switch {
	case g.used >= g.slots, g.of[r.Namespace] >= g.most:
		return false
	case r.transport.isDoubtful(r.sender) && g.doubtful >= g.slots/2:
		return false
	default:
		return r.transport.hasRoom(r.sender, g.now(), func(after time.Duration) {
			time.AfterFunc(after, func() {
				g.mutex.Lock()
				defer g.mutex.Unlock()
				r.transport.isAlarmed = false
				g.handOut()
			})
		})
	}
}

func (g *gate) take(r *request) *pass {
	p := &pass{request: r, doubtful: r.transport.isDoubtful(r.sender)}
	g.used++
	g.of[r.Namespace]++
	if p.doubtful {
		g.doubtful++
	}
	r.transport.take(r.sender, g.now())
	return p
}

func (g *gate) free(p *pass) {
	g.used--
	if g.of[p.Namespace]--; g.of[p.Namespace] == 0 {
		delete(g.of, p.Namespace)
	}
	if p.doubtful {
		g.doubtful--
	}
	p.transport.free(p.sender)
}

// giveUp frees the slot of a mail that was not tried.
func (g *gate) giveUp(p *pass) {
	g.free(p)
	p.transport.limiter.ReserveN(g.now(), -1) // so it does not count toward the rate
}

// queue lets a mail wait for its turn.
func (g *gate) queue(r *request) {
	r.since = g.now()
	g.line(r.Namespace).add(r)
	g.handOut() // a slot may be free that is for no other
}

func (g *gate) line(namespace string) *line {
	l := g.lines[namespace]
	if l == nil {
		l = &line{places: map[place]*request{}}
		g.lines[namespace] = l
	}
	return l
}

// handOut reserves the free slots for those whose turn it is, and tells them.
func (g *gate) handOut() {
	for g.used < g.slots {
		r := g.next()
		if r == nil {
			return
		}
		if r.transport.isClosed.Load() { // it has another mail server by now, or is gone
			g.tell(r.place)
			continue
		}
		p := g.take(r)
		g.reserved[r.place] = p
		g.tell(r.place)
		time.AfterFunc(reservedFor, func() { g.forgo(r.place, p) })
	}
}

// next takes out of the lines whose turn it is.
func (g *gate) next() (found *request) {
	var its *line
	for namespace, l := range g.lines {
		if len(l.places) == 0 {
			delete(g.lines, namespace)
			continue
		}
		if its != nil && (g.of[namespace] > g.of[found.Namespace] || g.of[namespace] == g.of[found.Namespace] && l.served > its.served) {
			continue
		}
		if r := l.first(func(r *request) bool { return r.transport.isClosed.Load() || g.hasRoom(r) }); r != nil {
			found, its = r, l
		}
	}
	if found != nil {
		g.turn++
		its.served = g.turn
		its.remove(found.place)
	}
	return found
}

// tell wakes the controller of an object. What has a slot reserved goes before what only may need one.
func (g *gate) tell(p place) {
	q := g.queues[p.controller]
	if q == nil {
		return
	}
	if first, ok := q.(priorityqueue.PriorityQueue[reconcile.Request]); ok {
		urgent := 100
		first.AddWithOpts(priorityqueue.AddOpts{Priority: &urgent}, p.Request)
		return
	}
	q.Add(p.Request)
}

// forgo gives up a reserved slot that nobody came for.
func (g *gate) forgo(at place, p *pass) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if p != nil && g.reserved[at] == p {
		delete(g.reserved, at)
		g.giveUp(p)
		g.handOut()
	}
}

// begin notes that an object is looked at. What it returns ends that: a slot that was reserved for it before, and that it
// did not need, is for the next.
func (g *gate) begin(at place) (end func()) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	p := g.reserved[at]
	return func() { g.forgo(at, p) }
}

// locked calls a function that looks at what the lock is for.
func (g *gate) locked(look func()) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	look()
}

// changed calls a function that learns something of a mail server, and lets those go who wait for that.
func (g *gate) changed(learn func()) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	learn()
	g.handOut()
}

// line are the mails of a namespace that wait, in order.
type line struct {
	places           map[place]*request
	awaited, ordered []*request
	served           int64
}

func (l *line) add(r *request) {
	if before := l.places[r.place]; before != nil {
		r.since = before.since
		if before.awaited == r.awaited {
			*before = *r
			return
		}
		l.remove(r.place)
	}
	l.places[r.place] = r
	if r.awaited {
		l.awaited = append(l.awaited, r)
	} else {
		l.ordered = append(l.ordered, r)
	}
}

func (l *line) remove(p place) {
	delete(l.places, p)
	l.awaited, l.ordered = l.compact(l.awaited), l.compact(l.ordered)
}

// compact drops from the head those who do not wait any more.
func (l *line) compact(of []*request) []*request {
	for len(of) > 0 && l.places[of[0].place] != of[0] {
		of = of[1:]
	}
	return of
}

// scanned is how many are looked at, at most, for one that has room: mails of one namespace go over one mail server, most
// of them from one sender.
const scanned = 16

// first is the first that has room; nil: none.
func (l *line) first(hasRoom func(*request) bool) *request {
	for _, of := range [][]*request{l.awaited, l.ordered} {
		left := scanned
		for _, r := range of {
			if l.places[r.place] != r {
				continue
			}
			if hasRoom(r) {
				return r
			}
			if left--; left == 0 {
				break
			}
		}
	}
	return nil
}

// isBehind tells whether somebody in the line goes before a mail.
func (l *line) isBehind(r *request) bool {
	if mine := l.places[r.place]; mine != nil || len(l.places) == 0 {
		return false
	}
	if r.awaited {
		return len(l.awaited) > 0
	}
	return true
}
