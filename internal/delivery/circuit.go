package delivery

import (
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// Try is one mail that asks to be handed over.
type Try struct {
	// Object names the object that it is about, and Key which mail of it.
	Object string
	Key    Key
	// Recipient is the address that it goes to, and Domain what stands behind its @.
	Recipient, Domain string
	// LastTry is when the try before this one began; the zero time: there was none.
	LastTry time.Time
}

// mailID names one mail among those of all objects. A mail may go to several people, one after another.
type mailID struct {
	object    string
	key       Key
	recipient string
}

func (t Try) id() mailID { return mailID{t.Object, t.Key, t.Recipient} }

// Answer tells whether a mail may be handed over.
type Answer string

// The answers.
const (
	// Granted: it may. Learn or Withdraw has to follow.
	Granted Answer = "Granted"
	// Busy: others go first. Ask again when one of them has an outcome.
	Busy Answer = "Busy"
	// Closed: not before the time that comes with it, or before somebody tells that it has ended.
	Closed Answer = "Closed"
)

// circuitState is where a circuit stands. Mail flows while it is closed, as a current does.
type circuitState int

const (
	circuitClosed   circuitState = iota
	circuitSuspect               // one mail was refused, and it is not known yet whether others are; senders only
	circuitOpen                  // nothing is tried before a time
	circuitHalfOpen              // one mail finds out
)

// waitsFor ends what a mail server said by telling what becomes of the mails.
const waitsFor = "; the mail goes out once the mail server takes it"

// alike tells that a mail server answered two mails in the same way. Its words may differ, and what people are told stays as
// it was then, since each change of that is a write for each mail that waits.
func alike(a, b Outcome) bool {
	return a.Class == b.Class && a.Stage == b.Stage && a.Code == b.Code && a.Enhanced == b.Enhanced
}

// rejected is the reason of MailReady while a circuit is open for an outcome, and what is said with it.
func rejected(o Outcome) (reason, message string) {
	switch o.Class {
	case NotAllowed:
		return v1alpha1.ReasonBrandInvalid, o.Message
	case Unreachable:
		return v1alpha1.ReasonTransportUnreachable, o.Message
	default:
		return v1alpha1.ReasonTransportRejected, o.Message
	}
}
