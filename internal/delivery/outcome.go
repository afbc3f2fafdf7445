package delivery

import "github.com/partner-operator/partner-operator/api/v1alpha1"

// Class tells whose fault it is that a mail was not taken, which decides what becomes of it.
type Class string

// The classes.
const (
	// Accepted: the mail server took the mail.
	Accepted Class = "Accepted"
	// Recipient: there is no such mailbox, or it takes no mail, for good.
	Recipient Class = "Recipient"
	// Content: this mail is refused for good for what it is, whoever gets it.
	Content Class = "Content"
	// Temporary: it may be taken later, or nothing is known.
	Temporary Class = "Temporary"
	// Ambiguous: refused for good, and the answer does not tell whether that is about the mail, the recipient or the sender.
	// A circuit turns it into another class, by what else it knows; the queue does not know it.
	Ambiguous Class = "Ambiguous"
	// Refused: the mail server refuses us: whoever signs in, or the sender.
	Refused Class = "Refused"
	// Unreachable: nothing of a mail could be said, since the mail server cannot be reached or is not ready.
	Unreachable Class = "Unreachable"
	// NotAllowed: the platform does not allow the mail server, so it hears nothing.
	NotAllowed Class = "NotAllowed"
)

// Outcome is what came of one try to hand over a mail, or to sign in to a mail server without one.
type Outcome struct {
	Class Class
	// BeforeMail: it came before anything of a mail was said, from connecting to signing in, so it would have come to
	// everybody who uses the mail server.
	BeforeMail bool
	// Stage is what the mail server was hearing.
	Stage Stage
	// Code is its answer, and Enhanced that of RFC 3463, such as 5.7.1; 0 and empty: it gave none.
	Code     int
	Enhanced string
	// Slow: it did not answer in time.
	Slow bool
	// Message is what happened, for people, in one line and without any address. Empty if Accepted.
	Message string
}

// Stage is a step of handing over a mail.
type Stage string

// The stages, in their order.
const (
	StageConnect   Stage = "connect"
	StageGreeting  Stage = "greeting"
	StageHello     Stage = "hello"
	StageTLS       Stage = "tls"
	StageSignIn    Stage = "sign-in"
	StageSender    Stage = "sender"
	StageRecipient Stage = "recipient"
	StageContent   Stage = "content" // DATA, the mail itself and the final dot
)

// Reason is the reason of the conditions Sent and Mailed for an outcome.
func (o Outcome) Reason() string {
	switch o.Class {
	case Accepted:
		return v1alpha1.ReasonSent
	case Recipient:
		return v1alpha1.ReasonAddressRejected
	case Content:
		return v1alpha1.ReasonContentRejected
	case Refused, NotAllowed:
		return v1alpha1.ReasonHeld
	default:
		return v1alpha1.ReasonTemporaryFailure
	}
}
