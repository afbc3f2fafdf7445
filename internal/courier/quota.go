package courier

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/metrics"
	"github.com/partner-operator/partner-operator/internal/program"
	"github.com/partner-operator/partner-operator/internal/quota"
)

const (
	// countAgain is when what could not be counted is counted again.
	countAgain = 10 * time.Second
	// sweepEvery is how often namespaces that send nothing are looked for.
	sweepEvery = 5 * time.Minute
)

// Quota counts the mails of programs that have left within the last hour, for mail.maxPerHour. What was sent before this
// process started it reads from status, as package quota tells. Namespaces do not wait for each other, and one that has
// not asked for an hour is forgotten.
type Quota struct {
	cache client.Reader
	now   func() time.Time

	mutex      sync.Mutex // never held while a namespace is read
	namespaces map[string]*namespaceHour
	swept      time.Time
}

// namespaceHour is what one namespace sent within the last hour.
type namespaceHour struct {
	// users is how many hold the mutex or wait for it, and used when the last of them came. The mutex of the quota guards
	// both.
	users int
	used  time.Time

	mutex sync.Mutex
	// read: what status says is counted.
	read bool
	// sent is by the name of the program, in order.
	sent map[string][]sentStep
}

// sentStep is how many mails left within a second, which ends at a time. So what is kept of a program is bounded, however
// many mails it sends.
type sentStep struct {
	at    time.Time
	count int
}

// NewQuota makes a quota that reads status from a cache.
func NewQuota(cache client.Reader, now func() time.Time) *Quota {
	return &Quota{cache: cache, now: now, namespaces: map[string]*namespaceHour{}}
}

// Full is what holds back the mails of a scope that count toward mail.maxPerHour; nil: nothing does.
func (q *Quota) Full(ctx context.Context, namespace string, scope []v1alpha1.ProgramGrant, catalog program.Catalog) *delivery.Hold {
	h, leave := q.enter(namespace)
	defer leave()
	return q.full(ctx, namespace, h, scope, catalog)
}

// Take reserves a place for one more mail of each program of a scope, before the mail is claimed. If one has none left it
// is false, and nothing is reserved; else a mail that does not leave after all gives its places back.
func (q *Quota) Take(ctx context.Context, namespace string, scope []v1alpha1.ProgramGrant, catalog program.Catalog) (giveBack func(), taken bool) {
	h, leave := q.enter(namespace)
	defer leave()
	if q.full(ctx, namespace, h, scope, catalog) != nil {
		return nil, false
	}
	return q.add(ctx, namespace, h, scope), true
}

// Count takes a place for one more mail of each program of a scope, as Take does, also where none is left: such mails
// always leave.
func (q *Quota) Count(ctx context.Context, namespace string, scope []v1alpha1.ProgramGrant) (giveBack func()) {
	h, leave := q.enter(namespace)
	defer leave()
	return q.add(ctx, namespace, h, scope)
}

// enter waits for the turn of a namespace.
func (q *Quota) enter(namespace string) (h *namespaceHour, leave func()) {
	q.mutex.Lock()
	q.sweep()
	h = q.namespaces[namespace]
	if h == nil {
		h = &namespaceHour{sent: map[string][]sentStep{}}
		q.namespaces[namespace] = h
	}
	h.users++
	h.used = q.now()
	q.mutex.Unlock()
	h.mutex.Lock()
	return h, func() {
		h.mutex.Unlock()
		q.mutex.Lock()
		defer q.mutex.Unlock()
		h.users--
	}
}

// sweep forgets the namespaces that nobody asked about for an hour, since none of their mails counts any more, and of the
// others the programs that sent nothing. Whoever calls it holds the mutex.
func (q *Quota) sweep() {
	now := q.now()
	if now.Sub(q.swept) < sweepEvery {
		return
	}
	q.swept = now
	for namespace, h := range q.namespaces {
		switch {
		case h.users > 0: // somebody else may be at it
		case now.Sub(h.used) > time.Hour+time.Second:
			delete(q.namespaces, namespace)
		default:
			for name := range h.sent {
				h.lastHour(name, now)
			}
		}
	}
}

func (q *Quota) full(ctx context.Context, namespace string, h *namespaceHour, scope []v1alpha1.ProgramGrant, catalog program.Catalog) *delivery.Hold {
	for _, grant := range scope {
		p := catalog.Programs[grant.Name]
		if p == nil || p.Spec.Mail.MaxPerHour == nil {
			continue
		}
		if q.readOnce(ctx, namespace, h) != nil {
			message := fmt.Sprintf("what Program %q has sent within the last hour cannot be counted, so its mail.maxPerHour lets nothing out", grant.Name)
			return &delivery.Hold{Reason: v1alpha1.ReasonHeld, Message: message, Until: q.now().Add(countAgain)}
		}
		if until := freeAt(h.lastHour(grant.Name, q.now()), int(*p.Spec.Mail.MaxPerHour)); !until.IsZero() {
			return &delivery.Hold{Reason: v1alpha1.ReasonHeld, Message: fmt.Sprintf("Program %q has sent its mail.maxPerHour", grant.Name), Until: until}
		}
	}
	return nil
}

// freeAt is when less than a number of mails have been sent within an hour; the zero time: now.
func freeAt(sent []sentStep, most int) time.Time {
	left := most
	for _, step := range slices.Backward(sent) {
		if left -= step.count; left <= 0 {
			return step.at.Add(time.Hour)
		}
	}
	return time.Time{}
}

// add counts a mail of each program of a scope, also where no limit is set: one may be, that the cache has not seen yet.
// If status cannot be read it counts nothing, since status tells of this mail, too, once it can be.
func (q *Quota) add(ctx context.Context, namespace string, h *namespaceHour, scope []v1alpha1.ProgramGrant) (giveBack func()) {
	if q.readOnce(ctx, namespace, h) != nil {
		return func() {}
	}
	at := endOfSecond(q.now())
	for _, grant := range scope {
		h.lastHour(grant.Name, q.now())
		h.add(grant.Name, at, 1)
	}
	return sync.OnceFunc(func() {
		h, leave := q.enter(namespace)
		defer leave()
		for _, grant := range scope {
			h.add(grant.Name, at, -1)
		}
	})
}

// readOnce counts what status says was sent, unless it is counted already.
func (q *Quota) readOnce(ctx context.Context, namespace string, h *namespaceHour) error {
	if h.read {
		return nil
	}
	var invites v1alpha1.PartnerInviteList
	var groups v1alpha1.PartnerGroupList
	var partnerships v1alpha1.PartnershipList
	for _, list := range []client.ObjectList{&invites, &groups, &partnerships} {
		if err := q.cache.List(ctx, list, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
			metrics.ReadErrors.WithLabelValues(metrics.ReadForLimit).Inc()
			log.FromContext(ctx).Error(err, "The mails of the last hour could not be counted", "namespace", namespace)
			return err
		}
	}
	h.read = true
	ago := q.now().Add(-time.Hour)
	for name, times := range quota.Sent(invites.Items, groups.Items, partnerships.Items) {
		for _, at := range times {
			if at = endOfSecond(at); at.After(ago) {
				h.add(name, at, 1)
			}
		}
	}
	return nil
}

// add counts mails in their place; what is given back after it was forgotten changes nothing.
func (h *namespaceHour) add(name string, at time.Time, count int) {
	sent := h.sent[name]
	i, found := slices.BinarySearchFunc(sent, at, func(step sentStep, at time.Time) int { return step.at.Compare(at) })
	switch {
	case found && sent[i].count+count == 0:
		h.keep(name, slices.Delete(sent, i, i+1))
	case found:
		sent[i].count += count
	case count > 0:
		h.keep(name, slices.Insert(sent, i, sentStep{at, count}))
	}
}

// lastHour forgets what is longer ago, and gives the rest.
func (h *namespaceHour) lastHour(name string, now time.Time) []sentStep {
	ago, sent := now.Add(-time.Hour), h.sent[name]
	first := slices.IndexFunc(sent, func(step sentStep) bool { return step.at.After(ago) })
	if first < 0 {
		first = len(sent)
	}
	sent = slices.Delete(sent, 0, first)
	h.keep(name, sent)
	return sent
}

func (h *namespaceHour) keep(name string, sent []sentStep) {
	if len(sent) == 0 {
		delete(h.sent, name)
	} else {
		h.sent[name] = sent
	}
}

func endOfSecond(at time.Time) time.Time { return at.Add(time.Second - 1).Truncate(time.Second) }
