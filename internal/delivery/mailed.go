package delivery

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/event"
)

// allLeft is the message of the condition Mailed while it is True.
const allLeft = "the mail server took every mail that was due"

const toldWith = "told with "

// ToldWith is the message of a mail that is not sent because that of another object said it, too.
func ToldWith(kind, name string) string { return fmt.Sprintf("%s%s %q", toldWith, kind, name) }

// standing is what one mail means for the condition Mailed. The mail of the highest rank decides.
type standing struct {
	rank            int
	reason, message string
}

// The ranks.
const (
	quiet = iota // nothing has happened to it yet, or nothing is left to do
	underWay
	waiting
	failed
)

// SetMailed sets the condition Mailed after something changed about the mails of an object. A mail that failed decides, then
// one that waits because of something, then one that is under way. The condition is there once a mail was due.
func SetMailed(set v1alpha1.ConditionSetter, mails []Mail) { setMailed(set, mails, nil, "") }

// SetRecorded is SetMailed after a mail of them was recorded, with the reason that Record gave.
func SetRecorded(set v1alpha1.ConditionSetter, mails []Mail, recorded *v1alpha1.MailDelivery, reason string) {
	setMailed(set, mails, recorded, reason)
}

func setMailed(set v1alpha1.ConditionSetter, mails []Mail, recorded *v1alpha1.MailDelivery, reason string) {
	was := meta.FindStatusCondition(*set.Conditions, v1alpha1.ConditionMailed)
	left, untried := reason == v1alpha1.ReasonSent, false
	for _, m := range mails {
		left = left || m.State == v1alpha1.DeliverySent || m.State == v1alpha1.DeliverySkipped && strings.HasPrefix(m.Message, toldWith)
		untried = untried || m.State == v1alpha1.DeliveryPending
	}
	switch worst := worstOf(mails, was, recorded, reason); {
	case worst.rank > quiet:
		set.False(v1alpha1.ConditionMailed, worst.reason, worst.message)
	case left && (was != nil || !untried):
		set.True(v1alpha1.ConditionMailed, v1alpha1.ReasonSent, allLeft)
	case was != nil && was.Status == metav1.ConditionFalse:
		set.Remove(v1alpha1.ConditionMailed)
	}
}

// worstOf is the standing of the highest rank; of several, that of the mail that was recorded, or else what is told already.
func worstOf(mails []Mail, was *metav1.Condition, recorded *v1alpha1.MailDelivery, reason string) (worst standing) {
	for _, m := range mails {
		s := standingOf(m, was)
		if m.MailDelivery == recorded && m.State != v1alpha1.DeliverySent {
			s.reason = reason
		}
		told := was != nil && s.reason == was.Reason && s.message == was.Message
		if s.rank > worst.rank || s.rank == worst.rank && (told || m.MailDelivery == recorded) {
			worst = s
		}
	}
	return worst
}

// standingOf tells what a mail means for the condition Mailed. Status does not keep why a mail failed or waits but in that
// condition, so what it says of the same mail stays.
func standingOf(m Mail, was *metav1.Condition) standing {
	message := fmt.Sprintf("%s: %s", m.Kind, m.Message)
	reasonOr := func(other string) string {
		if was != nil && was.Status == metav1.ConditionFalse && was.Message == message {
			return was.Reason
		}
		return other
	}
	switch {
	case m.State == v1alpha1.DeliveryFailed:
		return standing{failed, reasonOr(v1alpha1.ReasonGaveUp), message}
	case m.State == v1alpha1.DeliverySending:
		return standing{underWay, v1alpha1.ReasonSending, fmt.Sprintf("%s: the mail is being handed to the mail server", m.Kind)}
	case m.State != v1alpha1.DeliveryPending:
		return standing{}
	case m.Hold != nil && m.Hold.Reason == "":
		return standing{}
	case m.Hold != nil:
		return standing{waiting, m.Hold.Reason, message}
	case m.Cause == v1alpha1.MailRefused:
		return standing{waiting, reasonOr(v1alpha1.ReasonHeld), message}
	case m.Attempts > 0:
		return standing{waiting, reasonOr(v1alpha1.ReasonTemporaryFailure), message}
	case m.Message != "": // held, when that was looked at
		return standing{waiting, reasonOr(v1alpha1.ReasonHeld), message}
	default:
		return standing{}
	}
}

// Failures are the events of the mails that failed since before: one for each.
func Failures(before, after []v1alpha1.MailDelivery) (events []event.Event) {
	known := map[Key]*metav1.Time{}
	for i := range before {
		if before[i].State == v1alpha1.DeliveryFailed {
			known[KeyOf(&before[i])] = before[i].LastAttemptTime
		}
	}
	for i := range after {
		m := &after[i]
		if m.State != v1alpha1.DeliveryFailed {
			continue
		}
		if tried, ok := known[KeyOf(m)]; ok && tried.Equal(m.LastAttemptTime) {
			continue
		}
		events = append(events, MailFailed(m.Kind, m.Message))
	}
	return events
}

// MailFailed is the event of a mail that failed, with what the mail server said, which holds no address.
func MailFailed(kind v1alpha1.MailKind, message string) event.Event {
	return event.Warning("MailFailed", event.ActionSend, fmt.Sprintf("The mail %q could not be delivered: %s", kind, message))
}
