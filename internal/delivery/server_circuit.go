package delivery

import (
	"time"
)

const (
	firstReconnect = 15 * time.Second
	lastReconnect  = 5 * time.Minute
)

// ServerCircuit keeps mail from one mail server while nobody can sign in to it. It looks only at what comes before a mail,
// which nobody who writes mail can choose. While it is open somebody signs in without a mail from time to time, so that no
// mail has to be claimed; once that succeeds one mail goes, and then all. Its zero value is closed. It is not safe for
// concurrent use.
type ServerCircuit struct {
	state circuitState
	cause Outcome // while it is not closed: what it opened for
	// unreachable and refused count the failures since it was closed.
	unreachable, refused int32
	probeAt              time.Time // open: when to sign in next
	granted              time.Time // half-open: since when the one mail is under way; the zero time: it is not
}

// Ask tells whether a mail may be handed over. If Granted, Learn or Withdraw has to follow.
func (c *ServerCircuit) Ask(now time.Time) (Answer, time.Time) {
	switch {
	case c.state == circuitOpen:
		return Closed, c.probeAt
	case c.state == circuitHalfOpen && now.Before(c.granted.Add(InFlight)):
		return Busy, time.Time{}
	case c.state == circuitHalfOpen:
		c.granted = now
	}
	return Granted, time.Time{}
}

// Withdraw says that a mail was granted and not tried.
func (c *ServerCircuit) Withdraw() { c.granted = time.Time{} }

// Learn draws the conclusion of the try of a mail. It returns the outcome in the words that Hold has, so that a mail that
// waits on need not be written once more.
func (c *ServerCircuit) Learn(o Outcome, now time.Time) Outcome {
	tried := !c.granted.IsZero()
	c.granted = time.Time{}
	switch {
	case !beforeMail(o):
		*c = ServerCircuit{}
		return o
	case c.state == circuitOpen || c.state == circuitHalfOpen && !tried: // it was under way when the circuit opened
	default:
		c.fail(o, now)
	}
	if alike(c.cause, o) {
		o.Message = c.Hold().Message
	}
	return o
}

// beforeMail tells that nothing of a mail was said.
func beforeMail(o Outcome) bool {
	return o.BeforeMail && o.Class != Accepted || o.Class == NotAllowed
}

// StartProbe tells whether it is time to sign in without a mail. If so, it is nobody else's until Probed, or for as long as
// a try may take.
func (c *ServerCircuit) StartProbe(now time.Time) bool {
	if c.state != circuitOpen || now.Before(c.probeAt) {
		return false
	}
	c.probeAt = now.Add(InFlight)
	return true
}

// Probed draws the conclusion of signing in without a mail.
func (c *ServerCircuit) Probed(o Outcome, now time.Time) {
	switch {
	case c.state != circuitOpen:
	case o.Class == Accepted:
		c.state, c.probeAt = circuitHalfOpen, time.Time{}
	default:
		c.fail(o, now)
	}
}

func (c *ServerCircuit) fail(o Outcome, now time.Time) {
	seed := now.String() // servers that failed together did not do so in the same nanosecond
	if o.Class == Unreachable {
		c.unreachable++
		c.probeAt = now.Add(backoff(firstReconnect, lastReconnect, c.unreachable, seed))
	} else {
		c.refused++
		c.probeAt = now.Add(Backoff(c.refused, seed))
	}
	if c.state == circuitClosed || !alike(c.cause, o) {
		c.cause = o
	}
	c.state = circuitOpen
}

// ProbeAt is when to sign in next without a mail; the zero time: there is no need to.
func (c *ServerCircuit) ProbeAt() time.Time { return c.probeAt }

// Limit is how many mails may be under way at once; 0: any number.
func (c *ServerCircuit) Limit() int {
	if c.state == circuitClosed {
		return 0
	}
	return 1
}

// Hold is why mails wait that were not granted; nil: they need not.
func (c *ServerCircuit) Hold() *Hold {
	if c.state == circuitClosed {
		return nil
	}
	hold := &Hold{Reason: c.cause.Reason(), Message: c.cause.Message, Until: c.probeAt}
	if c.cause.Class == Refused {
		hold.Message += waitsFor
	}
	return hold
}

// Cause is the reason of MailReady while it is not closed, and what the mail server said; empty: it is closed.
func (c *ServerCircuit) Cause() (reason, message string) {
	if c.state == circuitClosed {
		return "", ""
	}
	return rejected(c.cause)
}
