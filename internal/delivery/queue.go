package delivery

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// Key names one mail of an object.
type Key struct {
	Kind v1alpha1.MailKind
	// To is whom it goes to, of several; empty: whom the object is about.
	To string
	// Serial is the number of the occasion, and Repeat how often its mail was asked for once more.
	Serial, Repeat int64
}

// KeyOf is the key of a mail.
func KeyOf(m *v1alpha1.MailDelivery) Key { return Key{m.Kind, m.To, m.Serial, m.Repeat} }

// Mail is one mail of an object, with what was found out about it before.
type Mail struct {
	// MailDelivery is what status says of it.
	*v1alpha1.MailDelivery
	// ID is its Message-ID, which spreads the waiting times of different mails.
	ID string
	// Unwanted: it makes no sense any more.
	Unwanted bool
	// Hold is what holds it back; nil: nothing does.
	Hold *Hold
}

// Hold is what holds mail back that is nobody's fault.
type Hold struct {
	// Reason is the reason of the conditions Sent and Mailed while it lasts.
	Reason string
	// Message says what it is, for people. It holds no time that goes on, since each change of it is a write.
	Message string
	// Until is when to look again; the zero time: whoever lifts it tells.
	Until time.Time
}

// Holds are what holds mail of a kind back. A kind that is not there is not held.
type Holds map[v1alpha1.MailKind]*Hold

// Next decides about the mails of one object: those that make no sense any more are Skipped, those that are held say why,
// and the first that is due is claimed, as its state says: write that, and only if it succeeds hand the mail over and
// Record what came of it. The claim is an index; -1: there is none. Look again at the time that comes with it; the zero
// time: never.
func Next(mails []Mail, now time.Time) (claim int, again time.Time) {
	claim = -1
	later := func(at time.Time) {
		if !at.IsZero() && (again.IsZero() || at.Before(again)) {
			again = at
		}
	}
	for n, m := range mails {
		if m.State != v1alpha1.DeliveryPending && m.State != v1alpha1.DeliverySending {
			continue
		}
		if until := m.inFlightUntil(); now.Before(until) {
			later(until)
			continue
		}
		switch due := m.due(); {
		case m.Unwanted:
			m.State, m.Cause = v1alpha1.DeliverySkipped, ""
		case m.Hold != nil:
			m.State, m.Message = v1alpha1.DeliveryPending, m.Hold.Message
			later(m.Hold.Until)
		case now.Before(due):
			later(due)
		case claim >= 0:
			later(now)
		default:
			m.claim(now)
			claim = n
		}
	}
	return claim, again
}

// inFlightUntil is until when a claim may be somebody's who is at it; the zero time: there is none.
func (m Mail) inFlightUntil() time.Time {
	if m.State != v1alpha1.DeliverySending || m.LastAttemptTime == nil {
		return time.Time{}
	}
	return m.LastAttemptTime.Add(InFlight)
}

// due is when the next try is due; the zero time: now. A mail that waits for the mail server has no time of its own, and
// one whose process died has waited for InFlight.
func (m Mail) due() time.Time {
	if m.State == v1alpha1.DeliverySending || m.Cause != "" || m.Attempts == 0 || m.LastAttemptTime == nil {
		return time.Time{}
	}
	return m.LastAttemptTime.Add(Backoff(m.Attempts, m.ID))
}

func (m Mail) claim(now time.Time) {
	m.State, m.Cause = v1alpha1.DeliverySending, ""
	m.Attempts++
	m.LastAttemptTime = &metav1.Time{Time: now}
	if m.FirstAttemptTime == nil {
		m.FirstAttemptTime = &metav1.Time{Time: now}
	}
}

// Record notes what came of the claim of a mail, and gives the reason of the conditions Sent and Mailed. It is false, and
// changes nothing, if the mail is not claimed any more.
func (m Mail) Record(o Outcome) (reason string, recorded bool) {
	if m.MailDelivery == nil || m.State != v1alpha1.DeliverySending {
		return "", false
	}
	reason = o.Reason()
	m.State, m.Message = v1alpha1.DeliveryPending, o.Message
	switch o.Class {
	case Accepted:
		m.State, m.Message = v1alpha1.DeliverySent, ""
	case Recipient, Content:
		m.State = v1alpha1.DeliveryFailed
	case Refused, NotAllowed:
		m.Cause = v1alpha1.MailRefused
		m.Attempts = max(m.Attempts-1, 0)
		m.notItsOwn()
	case Unreachable:
		m.Cause = v1alpha1.MailUnreachable
		m.notItsOwn()
	default:
		if m.FirstAttemptTime != nil && m.due().Sub(m.FirstAttemptTime.Time) > GiveUpAfter {
			m.State, reason = v1alpha1.DeliveryFailed, v1alpha1.ReasonGaveUp
		}
	}
	return reason, true
}

// notItsOwn takes the latest try out of the time in which a mail has to be taken.
func (m Mail) notItsOwn() {
	if m.FirstAttemptTime.Equal(m.LastAttemptTime) {
		m.FirstAttemptTime = nil
	}
}

// Retry lets a mail that Failed be tried anew, as if it never had been.
func Retry(m *v1alpha1.MailDelivery) {
	if m.State == v1alpha1.DeliveryFailed {
		m.State, m.Cause, m.Attempts, m.FirstAttemptTime, m.LastAttemptTime, m.Message = v1alpha1.DeliveryPending, "", 0, nil, nil, ""
	}
}

// Repeat asks for a mail that left to be sent once more, with the same link, under another Message-ID. It is false, and
// changes nothing, before MayRepeat says so, or while the mail is under way.
func Repeat(m *v1alpha1.MailDelivery, now time.Time) bool {
	if m.State != v1alpha1.DeliverySent || !MayRepeat(m.LastAttemptTime, m, m.Repeat > 0, 0, now) {
		return false
	}
	m.State, m.Attempts, m.FirstAttemptTime, m.Message = v1alpha1.DeliveryPending, 0, nil, ""
	m.Repeat++
	return true
}
