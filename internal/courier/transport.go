package courier

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/program"
)

// probeTimeout bounds one connection without a mail.
const probeTimeout = 15 * time.Second

// sendersRemembered is of how many senders of a namespace it is remembered whether the mail server refuses them.
const sendersRemembered = 2

// senderKey names a sender: what one namespace says must not count for another, even if it says the same.
type senderKey struct{ namespace, address string }

// sender is what is known of one sender over one mail server.
type sender struct {
	circuit delivery.SenderCircuit
	// open is how many of its mails have a slot.
	open int
	used time.Time
}

// transport is a mail server and what is known of it. The lock of the gate is held for all but what never changes.
type transport struct {
	channel Channel
	limiter *rate.Limiter
	// namespace is whose own it is; empty: it is the operator's.
	namespace string
	// notAllowed is what is said while the platform does not allow the mail server.
	notAllowed string

	server  delivery.ServerCircuit
	senders map[senderKey]*sender
	// isIdle: it could be signed in to again a while ago, and no mail was tried since.
	isIdle bool
	// isKnown: it was signed in to, without a mail. isProbed: somebody is at it.
	isKnown, isProbed bool
	// accepted is when it took a mail last; the zero time: never.
	accepted time.Time
	// crowded is when it last said that there were too many connections, and allowed how many there may be since.
	crowded time.Time
	allowed int
	// open is how many mails have a slot, most how many can, and connections how many at the very most.
	open, most, connections int
	// isAlarmed: somebody looks again when the rate lets the next mail leave.
	isAlarmed bool
	// isAwaitingProbe: somebody signs in when it is time.
	isAwaitingProbe bool
	isClosed        atomic.Bool
}

// newTransport makes a transport for a namespace; empty: for all.
func newTransport(channel Channel, namespace string, limit rate.Limit, connections int) *transport {
	burst := 1
	if limit != rate.Inf {
		burst = max(1, int(limit/10))
	}
	t := &transport{
		channel: channel, namespace: namespace, limiter: rate.NewLimiter(limit, burst), senders: map[senderKey]*sender{},
		connections: connections, allowed: connections, most: connections,
	}
	if namespace != "" {
		t.most = 1
	}
	return t
}

// ofSender is what is known of a sender.
func (t *transport) ofSender(key senderKey, now time.Time) *sender {
	s := t.senders[key]
	if s == nil {
		t.forgetOldest(key.namespace)
		s = &sender{}
		t.senders[key] = s
	}
	s.used = now
	return s
}

// forgetOldest makes room for one more sender of a namespace, if one is not being used.
func (t *transport) forgetOldest(namespace string) {
	count := 0
	var oldest senderKey
	for key, s := range t.senders {
		if key.namespace != namespace {
			continue
		}
		count++
		if s.open == 0 && (oldest == senderKey{} || s.used.Before(t.senders[oldest].used)) {
			oldest = key
		}
	}
	if count >= sendersRemembered {
		delete(t.senders, oldest)
	}
}

// forgetIdle forgets the senders that wrote nothing for long and were not refused: their namespaces may be gone.
func (t *transport) forgetIdle(now time.Time) {
	for key, s := range t.senders {
		if s.open == 0 && s.circuit.Hold() == nil && now.Sub(s.used) >= idleServer {
			delete(t.senders, key)
		}
	}
}

// ask asks both circuits.
func (t *transport) ask(r *request, now time.Time) (delivery.Answer, time.Time) {
	if answer, until := t.server.Ask(now); answer != delivery.Granted {
		return answer, until
	}
	answer, until := t.ofSender(r.sender, now).circuit.Ask(r.try, now)
	if answer != delivery.Granted {
		t.server.Withdraw()
	}
	return answer, until
}

// withdraw tells both circuits that a mail was not tried, and whether those who wait have to be told.
func (t *transport) withdraw(r *request) (tell bool) {
	t.server.Withdraw()
	if s := t.senders[r.sender]; s != nil {
		waited := isUntold(s.circuit.Hold())
		s.circuit.Withdraw(r.try)
		tell = waited && !isUntold(s.circuit.Hold())
	}
	return tell
}

// learn tells both circuits what came of a mail.
func (t *transport) learn(r *request, o delivery.Outcome, now time.Time) (ruled delivery.Outcome, of news) {
	server, sender := t.serverHealth(), t.health(r.sender)
	t.isIdle = false
	circuit := &t.ofSender(r.sender, now).circuit
	waited := isUntold(circuit.Hold())
	ruled, of.takenBack = circuit.Learn(r.try, o, now)
	if t.isCrowded(o, now) {
		t.server.Withdraw()
	} else {
		ruled = t.server.Learn(ruled, now)
	}
	if o.Class == delivery.Accepted {
		if now.Sub(t.crowded) >= crowdedFor {
			t.allowed = t.connections
		}
		t.accepted = now
		t.most = min(2*t.most, t.allowed)
	}
	of.ofServer = server.Reason != t.serverHealth().Reason
	of.ofSender = sender.Reason != t.health(r.sender).Reason || waited && !isUntold(circuit.Hold())
	return ruled, of
}

const (
	// crowdedFor is for how long a mail server gets fewer connections that had too many.
	crowdedFor = 10 * time.Minute
	// stillTaking is how long ago a mail was taken by a mail server that is not away.
	stillTaking = 10 * time.Second
)

// isCrowded tells whether a mail server cannot be reached only by one more connection, while it takes the mail of others.
// Then it gets fewer, and is not taken for one that is away.
func (t *transport) isCrowded(o delivery.Outcome, now time.Time) bool {
	if !o.BeforeMail || o.Class != delivery.Unreachable || t.open < 2 || now.Sub(t.accepted) >= stillTaking {
		return false
	}
	t.crowded, t.allowed = now, max(1, min(t.allowed, t.open-1))
	t.most = min(t.most, t.allowed)
	return true
}

// isUntold tells whether those who wait do not know when to ask again, so that they have to be told.
func isUntold(h *delivery.Hold) bool { return h != nil && h.Until.IsZero() }

// isDoubtful tells whether a mail may take long that nobody else should have to wait for.
func (t *transport) isDoubtful(key senderKey) bool {
	s := t.senders[key]
	isNew := t.namespace != "" && t.accepted.IsZero()
	return isNew || t.server.Limit() > 0 || s != nil && (s.circuit.Limit() > 0 || s.circuit.Slow())
}

// hasRoom tells whether one more mail of a sender may have a slot. If only the rate is in the way, alarm is asked to look
// again.
func (t *transport) hasRoom(key senderKey, now time.Time, alarm func(after time.Duration)) bool {
	ofServer, ofSender, open := t.server.Limit(), 0, 0
	if s := t.senders[key]; s != nil {
		ofSender, open = s.circuit.Limit(), s.open
	}
	if !t.isKnown || t.open >= t.most || ofServer > 0 && t.open >= ofServer || ofSender > 0 && open >= ofSender {
		return false
	}
	if t.limiter.TokensAt(now) >= 1 {
		return true
	}
	if !t.isAlarmed {
		t.isAlarmed = true
		missing := 1 - t.limiter.TokensAt(now)
		alarm(time.Duration(missing/float64(t.limiter.Limit())*float64(time.Second)) + time.Millisecond)
	}
	return false
}

func (t *transport) take(key senderKey, now time.Time) {
	t.open++
	t.ofSender(key, now).open++
	t.limiter.AllowN(now, 1)
}

func (t *transport) free(key senderKey) {
	t.open--
	if s := t.senders[key]; s != nil {
		s.open--
	}
}

// hold is why mail of a sender waits; nil: it need not. When it is time to try again, one mail may.
func (t *transport) hold(key senderKey, now time.Time) *delivery.Hold {
	if h := t.server.Hold(); h != nil && !t.isHalfOpen() {
		if !now.Before(h.Until) { // somebody is signing in, and tells how that went
			h.Until = now.Add(probeTimeout)
		}
		return h
	}
	s := t.senders[key]
	if s == nil || s.circuit.IsLone() {
		return nil
	}
	if h := s.circuit.Hold(); h != nil && (h.Until.IsZero() || now.Before(h.Until)) {
		return h
	}
	return nil
}

// health is what programs can say of the mail of a sender.
func (t *transport) health(key senderKey) program.MailHealth {
	if s := t.senders[key]; s != nil && t.server.Hold() == nil {
		if reason, message := s.circuit.Cause(); reason != "" {
			return program.MailHealth{Reason: reason, Message: message}
		}
	}
	return t.serverHealth()
}

// serverHealth is what programs can say of their mail, whoever the sender is. That it can be sent is said when one mail was
// taken, and not before.
func (t *transport) serverHealth() program.MailHealth {
	switch reason, message := t.server.Cause(); {
	case t.isIdle:
		return program.MailHealth{Reason: v1alpha1.ReasonSignedIn, Message: "the mail server takes the sign-in again; no mail was tried since"}
	case reason == v1alpha1.ReasonBrandInvalid:
		return program.MailHealth{Reason: reason, Message: t.notAllowed}
	case reason != "":
		return program.MailHealth{Reason: reason, Message: message}
	case !t.accepted.IsZero():
		return program.MailHealth{Reason: v1alpha1.ReasonReady, Message: "the mail server takes mail"}
	default:
		return program.MailHealth{}
	}
}

// longestWaitForRate bounds for how long a mail to one more of the staff waits for the rate, so that all can be told while
// the claim is in force.
const longestWaitForRate = 4 * time.Second

// awaitRate waits until the rate lets one more mail leave.
func (t *transport) awaitRate(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(min(t.limiter.Reserve().Delay(), longestWaitForRate)):
	}
}

// probe signs in to a mail server without a mail, now and until that succeeds. The mails that wait for it learn of each
// change.
func (c *Courier) probe(t *transport) {
	if t.isProbed || t.isClosed.Load() {
		return
	}
	t.isProbed = true
	go func() {
		ctx, cancel := context.WithTimeout(c.lasting, probeTimeout)
		defer cancel()
		o := t.channel.Probe(ctx)
		if c.lasting.Err() != nil {
			return
		}
		changed := false
		c.gate.changed(func() {
			t.isProbed = false
			before := t.serverHealth()
			switch isClosed := t.server.Hold() == nil; {
			case !isClosed:
				t.server.Probed(o, c.now())
			case o.Class != delivery.Accepted:
				t.server.Learn(o, c.now())
			}
			t.isKnown = t.isKnown || o.Class == delivery.Accepted
			changed = before != t.serverHealth() || t.isHalfOpen()
			c.probeLater(t)
		})
		if changed {
			c.tell(c.lasting, t.namespace)
			time.AfterFunc(idleAfter, func() { c.noteIdle(t) })
		}
	}()
}

// idleAfter is how long a mail server that is back waits for a mail until nothing bad is said of it any more.
const idleAfter = 30 * time.Second

// noteIdle notes that a mail server is back for which no mail waits.
func (c *Courier) noteIdle(t *transport) {
	news := false
	c.gate.locked(func() {
		news = t.isHalfOpen() && !t.isIdle && !t.isClosed.Load()
		t.isIdle = t.isIdle || news
	})
	if news && c.lasting.Err() == nil {
		c.tell(c.lasting, t.namespace)
	}
}

// isHalfOpen tells whether a mail server could be signed in to again, and one mail may find out the rest.
func (t *transport) isHalfOpen() bool { return t.server.Hold() != nil && t.server.ProbeAt().IsZero() }

// probeLater signs in when the server circuit says that it is time; the lock is held.
func (c *Courier) probeLater(t *transport) {
	at := t.server.ProbeAt()
	if at.IsZero() || t.isClosed.Load() || t.isAwaitingProbe {
		return
	}
	t.isAwaitingProbe = true
	time.AfterFunc(max(at.Sub(c.now()), 0), func() {
		c.gate.locked(func() {
			t.isAwaitingProbe = false
			if t.server.StartProbe(c.now()) {
				c.probe(t)
			} else {
				c.probeLater(t)
			}
		})
	})
}
