package courier

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
)

// weather is a mail server that does not take all mail for some hours, and then takes all.
type weather struct {
	mutex  sync.Mutex
	random *rand.Rand
	// answer is what comes of a mail of a namespace.
	answer map[string]delivery.Outcome
	// away: nobody can sign in.
	away bool
}

var answers = []delivery.Outcome{
	{Class: delivery.Accepted},
	{Class: delivery.Accepted},
	{Class: delivery.Refused, Stage: delivery.StageSender, Code: 550, Message: "sender not allowed"},
	{Class: delivery.Ambiguous, Stage: delivery.StageRecipient, Code: 554, Enhanced: "5.7.1", Message: "relay access denied"},
	{Class: delivery.Recipient, Stage: delivery.StageRecipient, Code: 550, Message: "no such user"},
	{Class: delivery.Temporary, Stage: delivery.StageRecipient, Code: 451, Message: "later"},
	{Class: delivery.Temporary, Stage: delivery.StageContent, Slow: true, Message: "did not answer in time"},
	{Class: delivery.Unreachable, BeforeMail: true, Stage: delivery.StageConnect, Message: "refused the connection"},
}

func (w *weather) n(most int) int {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.random.IntN(most)
}

func (w *weather) change(fair bool) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.away = !fair && w.random.IntN(3) == 0
	for _, namespace := range []string{"a", "b", "c"} {
		w.answer[namespace] = answers[0]
		if !fair {
			w.answer[namespace] = answers[w.random.IntN(len(answers))]
		}
	}
}

func (w *weather) outcome(namespace string) delivery.Outcome {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.away {
		return answers[len(answers)-1]
	}
	if w.random.IntN(10) == 0 {
		return answers[w.random.IntN(2)*w.random.IntN(len(answers))]
	}
	return w.answer[namespace]
}

// letter is a mail of the test.
type letter struct {
	kind             v1alpha1.MailKind
	isOver, isFailed bool
	due, lastTry     time.Time
}

// Whatever a mail server said before, all mail leaves once it takes it: nobody waits without being looked at again.
func TestNoMailIsLeftWaiting(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { leaveNone(t, seed) })
		})
	}
}

func leaveNone(t *testing.T, seed uint64) {
	w := &weather{random: rand.New(rand.NewPCG(seed, 1)), answer: map[string]delivery.Outcome{}}
	w.change(false)
	// With few slots or many, a low rate or none, the operator's own server or that of a brand with few connections.
	d, limit, namespace := newDoor(t, 1+int(seed%4)), rate.Inf, ""
	if seed%3 == 0 {
		limit = 0.1
	}
	if seed%2 == 0 {
		namespace = "a"
	}
	server := newTransport(&server{probe: func(context.Context) delivery.Outcome {
		if o := w.outcome("a"); o.BeforeMail {
			return o
		}
		return delivery.Outcome{Class: delivery.Accepted, BeforeMail: true}
	}}, namespace, limit, 1+int(seed%5))
	letters := map[reconcile.Request]*letter{}
	for n, name := range numbered(60) {
		kind := v1alpha1.MailInvite
		if n%5 == 0 {
			kind = v1alpha1.MailSignIn
		}
		r := requestOf(server, cmp.Or(namespace, []string{"a", "b", "c"}[n%3]), name, kind)
		letters[r.Request] = &letter{kind: kind}
	}
	d.tell = func(_ context.Context, namespace string) {
		for r := range letters {
			if namespace == "" || r.Namespace == namespace {
				d.told.Add(r)
			}
		}
	}
	for r := range letters {
		d.told.Add(r)
	}
	for range 8 {
		go func() {
			for {
				r, over := d.told.Get()
				if over {
					return
				}
				if again := look(t, d, w, server, r, letters[r]); again > 0 {
					d.told.AddAfter(r, again)
				}
				d.told.Done(r)
			}
		}()
	}
	for range 12 {
		time.Sleep(time.Duration(w.n(40)) * time.Minute)
		w.change(false)
	}
	w.change(true)
	for range 300 {
		time.Sleep(time.Minute)
		w.change(true)
	}
	left := []string{}
	d.gate.locked(func() {
		for r, l := range letters {
			if !l.isOver && !l.isFailed {
				left = append(left, r.String())
			}
		}
		if len(left) > 0 || d.gate.used > 0 || server.open > 0 || d.gate.doubtful > 0 {
			slices.Sort(left)
			t.Errorf("%v wait; %d slots are used, %d doubtful; server %+v senders %+v", left, d.gate.used, d.gate.doubtful, server.server, server.senders)
		}
	})
	d.told.ShutDown()
	synctest.Wait()
}

func look(t *testing.T, d *door, w *weather, server *transport, r reconcile.Request, l *letter) time.Duration {
	defer d.Begin("test", r)()
	q := requestOf(server, r.Namespace, r.Name, l.kind)
	q.try.Object, q.try.LastTry = q.text(), l.lastTry
	d.takenBack.mutex.Lock()
	if len(d.takenBack.of[q.text()]) > 0 {
		delete(d.takenBack.of, q.text())
		l.isFailed = false
	}
	d.takenBack.mutex.Unlock()
	if l.isOver || l.isFailed {
		return 0
	}
	var hold *delivery.Hold
	now := time.Now()
	d.gate.locked(func() { hold = server.hold(q.sender, now) })
	switch {
	case hold != nil && hold.Until.IsZero():
		return 0
	case hold != nil:
		return max(hold.Until.Sub(now), time.Second)
	case now.Before(l.due):
		return l.due.Sub(now)
	}
	slot, wait := d.enter(q)
	if slot == nil {
		return min(wait.Again, 24*time.Hour)
	}
	if w.n(10) == 0 {
		l.isOver = w.n(2) == 0 // it is deleted, or else the claim was lost
		time.Sleep(time.Duration(w.n(50)) * time.Millisecond)
		d.leave(t.Context(), slot, nil)
		return 200 * time.Millisecond
	}
	l.lastTry = now
	o := w.outcome(r.Namespace)
	took := time.Duration(w.n(300)) * time.Millisecond
	if o.Slow {
		took = delivery.SendTimeout
	}
	time.Sleep(took)
	switch ruled := d.leave(t.Context(), slot, &o); ruled.Class {
	case delivery.Accepted:
		l.isOver = true
	case delivery.Recipient, delivery.Content:
		l.isFailed = true
	case delivery.Temporary:
		l.due = now.Add(time.Minute)
		return time.Until(l.due)
	default:
		return 200 * time.Millisecond
	}
	return 0
}
