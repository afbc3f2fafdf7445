package delivery

import (
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

const (
	// othersFirst is how long a mail leaves the turn to another one that would tell more.
	othersFirst = 2 * time.Second
	// mostProbes is how many mails in a row may fail by their own fault while one finds out.
	mostProbes = 3
	// mostAnswers is how often a mail is refused by its own fault until that is for good.
	mostAnswers = 3
	// alikeRecipients is how many refusals of different recipients in a row are a refusal of the sender.
	alikeRecipients = 3
)

// SenderCircuit keeps the mail of one sender in one namespace from a mail server that refuses it, and judges whose fault a
// refusal is by what else was accepted. It looks at everything that comes after signing in. Its zero value is closed. It is
// not safe for concurrent use. What it remembers is bounded, see mostRefusals.
type SenderCircuit struct {
	state    circuitState
	underWay map[mailID]time.Time // since when
	slow     bool

	// accepted is when the latest mail was; the zero time: none since the sender was last refused.
	accepted time.Time
	refusals refusals
	// recipients are the latest refusals of recipients with none accepted in between.
	recipients run

	// While suspect, or open with lone: recipient is whose mails alone were refused, and since when its latest outcome came.
	recipient string
	since     time.Time
	lone      bool

	// While open or half-open.
	cause    Outcome
	answer   string         // the signature of refused recipients that were taken for the sender
	openings int32          // how often it opened since it was closed
	until    time.Time      // before it nobody tries
	probe    mailID         // who finds out, or was the last to
	failed   int            // how many of those in a row failed by their own fault
	domains  map[string]int // refusals by recipient domain
	waiting  map[mailID]Try
	again    time.Time // when those who wait may ask again
}

// Ask tells whether a mail may be handed over. If Granted, Learn or Withdraw has to follow. It is Closed without a Hold for
// seconds only, and may open the circuit, so look at Hold after it.
func (c *SenderCircuit) Ask(t Try, now time.Time) (Answer, time.Time) {
	if _, found := c.underWay[t.id()]; found {
		return Busy, time.Time{}
	}
	switch c.state {
	case circuitClosed:
		return c.grant(t, now)
	case circuitSuspect:
		return c.askSuspect(t, now)
	default:
		return c.askOpen(t, now)
	}
}

func (c *SenderCircuit) grant(t Try, now time.Time) (Answer, time.Time) {
	if c.underWay == nil {
		c.underWay = map[mailID]time.Time{}
	}
	c.underWay[t.id()] = now
	delete(c.waiting, t.id())
	return Granted, time.Time{}
}

// askSuspect lets one mail after another go, those of other recipients first. If there is none, a mail that was refused is
// not tried twice, since nothing tells that it is at fault: the sender counts as refused.
func (c *SenderCircuit) askSuspect(t Try, now time.Time) (Answer, time.Time) {
	c.wait(t)
	tried := c.triedSince(t.id())
	patience := c.since.Add(othersFirst)
	if tried && c.othersUntried() {
		patience = patience.Add(othersFirst)
	}
	switch {
	case len(c.underWay) > 0:
		return Busy, time.Time{}
	case t.Recipient != c.recipient:
	case now.Before(patience):
		return Closed, patience
	case tried && !c.atFault(t.id()):
		c.open(t, c.cause, now, true)
		return Closed, c.until
	}
	return c.grant(t, now)
}

// triedSince tells that a mail was refused since the circuit is suspect.
func (c *SenderCircuit) triedSince(id mailID) bool {
	noted := c.refusals[id]
	return noted != nil && noted.suspect
}

func (c *SenderCircuit) othersUntried() bool {
	for id := range c.waiting {
		if !c.triedSince(id) {
			return true
		}
	}
	return false
}

// askOpen lets one mail find out whether the sender is refused still, when it is time: the one that would tell most, if it
// comes in time. If only one recipient was refused so far, a mail for another one need not wait.
func (c *SenderCircuit) askOpen(t Try, now time.Time) (Answer, time.Time) {
	c.wait(t)
	other := c.lone && t.Recipient != c.recipient
	patience := c.until.Add(othersFirst)
	switch {
	case !other && now.Before(c.until):
		return Closed, c.until
	case len(c.underWay) > 0:
		return Busy, time.Time{}
	case !other && now.Before(patience) && len(c.rather(t)) > 0:
		c.again = patience
		return Closed, patience
	case !other:
		for _, id := range c.rather(t) { // they do not come any more
			delete(c.waiting, id)
		}
	}
	c.state, c.probe, c.again = circuitHalfOpen, t.id(), time.Time{}
	return c.grant(t, now)
}

// wait remembers a mail that waits; of too many, those that tell most.
func (c *SenderCircuit) wait(t Try) {
	if c.waiting == nil {
		c.waiting = map[mailID]Try{}
	}
	if _, found := c.waiting[t.id()]; !found && len(c.waiting) >= mostWaiting {
		worst := t
		for _, other := range c.waiting {
			if c.tellsMore(worst, other) {
				worst = other
			}
		}
		if worst.id() == t.id() {
			return
		}
		delete(c.waiting, worst.id())
	}
	c.waiting[t.id()] = t
}

// rather are the mails that wait and would tell more than one.
func (c *SenderCircuit) rather(t Try) []mailID {
	var found []mailID
	for id, other := range c.waiting {
		if c.tellsMore(other, t) {
			found = append(found, id)
		}
	}
	return found
}

// tellsMore tells that a mail would tell more than another about whether the sender is refused: it was not the last to be
// refused, its domain was refused less often, it was tried longer ago.
func (c *SenderCircuit) tellsMore(a, b Try) bool {
	if last := c.probe; (a.id() == last) != (b.id() == last) {
		return b.id() == last
	}
	if x, y := c.domains[a.Domain], c.domains[b.Domain]; x != y {
		return x < y
	}
	return a.LastTry.Before(b.LastTry)
}

// Withdraw says that a mail was granted and not tried.
func (c *SenderCircuit) Withdraw(t Try) {
	if _, probing := c.release(t, time.Time{}); probing {
		c.state, c.again = circuitOpen, c.until
	}
}

// release ends a try, and tells when it began and whether it was to find out.
func (c *SenderCircuit) release(t Try, now time.Time) (began time.Time, probing bool) {
	began, found := c.underWay[t.id()]
	if !found {
		began = now
	}
	delete(c.underWay, t.id())
	return began, found && c.state == circuitHalfOpen && t.id() == c.probe
}

// Learn draws the conclusion of the try of a mail. The outcome that it returns is the one to record; it is never Ambiguous.
// With it come other mails that failed for good before and did so by the fault of the sender, as is known now: those are
// to be tried again.
func (c *SenderCircuit) Learn(t Try, o Outcome, now time.Time) (ruled Outcome, takenBack []Try) {
	began, probing := c.release(t, now)
	c.slow = c.slow || o.Slow
	// What was under way when the circuit opened says nothing new, unless it is accepted.
	late := c.state == circuitOpen || c.state == circuitHalfOpen && !probing
	switch {
	case o.Class == Accepted:
		c.close(t, now)
		return o, nil
	case isOfServer(o):
		if probing {
			c.state, c.again = circuitOpen, c.until
		}
		return o, nil
	case o.Class == Refused && !late:
		c.open(t, o, now, false)
	case o.Class == Ambiguous:
		o.Class = c.judgeAmbiguous(t, began, o, now, late)
	case o.Class == Recipient:
		o.Class, takenBack = c.judgeRecipient(t, began, o, now, late)
	}
	if probing && c.state == circuitHalfOpen {
		c.probeFailed(t, now)
	}
	if c.state == circuitSuspect {
		c.since = now
	}
	if o.Class == Refused {
		c.refusedOne(t.Domain)
		o.Message = c.words(o)
	}
	return o, takenBack
}

// isOfServer tells that nothing was said of the sender.
func isOfServer(o Outcome) bool {
	return o.BeforeMail || o.Class == NotAllowed || o.Class == Unreachable
}

// words are what is said with a mail that waits: those of Hold, so that it need not be written once more.
func (c *SenderCircuit) words(o Outcome) string {
	if hold := c.Hold(); hold != nil {
		return hold.Message
	}
	return o.Message + waitsFor
}

// refusedOne counts a refusal for a recipient domain.
func (c *SenderCircuit) refusedOne(domain string) {
	if c.domains == nil {
		c.domains = map[string]int{}
	}
	if _, found := c.domains[domain]; found || len(c.domains) < mostDomains {
		c.domains[domain]++
	}
}

// atFault tells that a mail that is refused again is at fault itself: another one was accepted since its try before.
func (c *SenderCircuit) atFault(id mailID) bool {
	noted := c.refusals[id]
	return noted != nil && (noted.blamed || c.accepted.After(noted.began))
}

// judgeAmbiguous rules about a refusal that does not tell whose fault it is.
func (c *SenderCircuit) judgeAmbiguous(t Try, began time.Time, o Outcome, now time.Time, late bool) Class {
	own := c.atFault(t.id())
	noted := c.refusals.note(t.id(), began)
	noted.answers++
	noted.blamed = own
	switch {
	case own && noted.answers >= mostAnswers:
		return Content
	case own:
		return Temporary
	case late:
	case c.state == circuitClosed:
		c.state, c.cause, c.recipient = circuitSuspect, o, t.Recipient
		c.refusals.unsuspect()
		noted.suspect = true
	case c.state == circuitSuspect && t.Recipient == c.recipient:
		noted.suspect = true
	default:
		c.open(t, o, now, c.lone && t.Recipient == c.recipient)
	}
	return Refused
}

// judgeRecipient rules about a refusal that the server says is about the recipient. Some say so when they refuse the sender:
// then all recipients are refused alike.
func (c *SenderCircuit) judgeRecipient(t Try, began time.Time, o Outcome, now time.Time, late bool) (Class, []Try) {
	if c.atFault(t.id()) || o.Code == 0 { // without a code the server was not asked
		return Recipient, nil
	}
	answer := signature(t, o)
	var failed []Try
	if c.answer == "" || answer != c.answer {
		c.recipients.add(answer, runTry{t, began})
		if !c.allRefused(o) {
			return Recipient, nil
		}
		failed = c.takeBack(t.id())
	}
	c.refusals.note(t.id(), began)
	if !late {
		c.open(t, o, now, false)
	}
	c.answer = answer
	return Refused, failed
}

// allRefused tells that the refusals of recipients in a row are one of the sender. If an enhanced code blames the recipient,
// that needs more of them, and two domains: a list of people of one company may well be wrong as a whole.
func (c *SenderCircuit) allRefused(o Outcome) bool {
	if blamesRecipient(o) {
		return len(c.recipients.refused) >= longestRun && c.recipients.domains() > 1
	}
	return len(c.recipients.refused) >= alikeRecipients
}

// takeBack gives the mails of the run of refused recipients before the latest, which failed for good.
func (c *SenderCircuit) takeBack(latest mailID) []Try {
	var failed []Try
	for _, t := range c.recipients.refused {
		if t.id() != latest {
			c.refusals.note(t.id(), t.began)
			failed = append(failed, t.Try)
		}
	}
	return failed
}

// open lets nothing be tried for a while, twice as long as the last time. If lone, a single recipient was refused, so nothing
// is known about mails for others.
func (c *SenderCircuit) open(t Try, o Outcome, now time.Time, lone bool) {
	if c.state == circuitClosed || !alike(c.cause, o) {
		c.cause = o
	}
	c.state, c.probe, c.failed = circuitOpen, t.id(), 0
	c.openings++
	c.until = now.Add(Backoff(c.openings, t.Object))
	c.again = c.until
	c.lone = lone
	c.recipients = run{}
	if lone {
		c.recipient = t.Recipient
		return
	}
	c.recipient, c.accepted = "", time.Time{}
	c.refusals.absolve()
}

// probeFailed lets another mail find out at once, since the one that did failed by its own fault. Too many are a refusal.
func (c *SenderCircuit) probeFailed(t Try, now time.Time) {
	if c.failed++; c.failed < mostProbes {
		c.state, c.until, c.again = circuitOpen, now, now
		return
	}
	recipient := c.recipient
	c.open(t, c.cause, now, c.lone)
	c.recipient = recipient
}

// close lets all mails go, since one was accepted.
func (c *SenderCircuit) close(t Try, now time.Time) {
	if c.state == circuitOpen || c.state == circuitHalfOpen {
		c.refusals.absolve()
	}
	delete(c.refusals, t.id())
	*c = SenderCircuit{underWay: c.underWay, refusals: c.refusals, accepted: now}
}

// Hold is why mails wait that were not granted; nil: they need not.
func (c *SenderCircuit) Hold() *Hold {
	if c.state != circuitOpen && c.state != circuitHalfOpen {
		return nil
	}
	return &Hold{Reason: v1alpha1.ReasonHeld, Message: c.cause.Message + waitsFor, Until: c.again}
}

// IsLone tells that it is open for the mails of a single recipient, and that those for others need not wait.
func (c *SenderCircuit) IsLone() bool { return c.lone && c.Hold() != nil }

// Cause is the reason of MailReady while it is open, and what the mail server said; empty: it is not.
func (c *SenderCircuit) Cause() (reason, message string) {
	if c.Hold() == nil {
		return "", ""
	}
	return rejected(c.cause)
}

// Limit is how many mails may be under way at once; 0: any number.
func (c *SenderCircuit) Limit() int {
	if c.state == circuitClosed {
		return 0
	}
	return 1
}

// Slow tells that the server did not answer in time, and took nothing since.
func (c *SenderCircuit) Slow() bool { return c.slow }
