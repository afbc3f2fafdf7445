package invite

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
)

// The status of an invite tells of its mail in fields of its own and in the condition Sent. Package delivery decides about
// mails in one form, so that is made of them, and they are written from it.

// mailOf is the mail of an invite that was issued.
func mailOf(kind v1alpha1.MailKind, status v1alpha1.PartnerInviteStatus) v1alpha1.MailDelivery {
	m := v1alpha1.MailDelivery{
		Kind: kind, Serial: status.Serial, State: v1alpha1.DeliveryPending, Cause: status.Cause, Attempts: status.Attempts,
		FirstAttemptTime: status.FirstAttemptTime, LastAttemptTime: status.LastAttemptTime,
	}
	switch reason := sentReason(status); {
	case status.SentTime != nil:
		m.State = v1alpha1.DeliverySent
	case reason == v1alpha1.ReasonSending:
		m.State = v1alpha1.DeliverySending
	case slices.Contains(failures, reason):
		m.State = v1alpha1.DeliveryFailed
	}
	return m
}

// keep writes down the tries of a mail.
func keep(status *v1alpha1.PartnerInviteStatus, m *v1alpha1.MailDelivery) {
	status.Cause, status.Attempts = m.Cause, m.Attempts
	status.FirstAttemptTime, status.LastAttemptTime = m.FirstAttemptTime, m.LastAttemptTime
}

// neverLeft tells whether an invite was issued, its mail was tried, and it is certain that no mail has left: the mail server
// refused the operator, or could not be reached.
func neverLeft(status v1alpha1.PartnerInviteStatus) bool {
	return status.Serial > 0 && status.SentTime == nil && status.FirstAttemptTime == nil && status.LastAttemptTime != nil
}

// inFlight is until when somebody may be sending the mail; the zero time: nobody is.
func inFlight(status v1alpha1.PartnerInviteStatus) time.Time {
	if sentReason(status) != v1alpha1.ReasonSending || status.LastAttemptTime == nil {
		return time.Time{}
	}
	return status.LastAttemptTime.Add(delivery.InFlight)
}

// tryAgain decides about an invite that was issued and whose mail has not left.
func (d *Decision) tryAgain(in Input, specChanged bool) {
	m := mailOf(in.Invite.Mail(), d.Status)
	takenBack := m.State == v1alpha1.DeliveryFailed && slices.Contains(in.TakenBack, delivery.KeyOf(&m))
	if takenBack || specChanged && m.State != v1alpha1.DeliverySending {
		d.startOver(in, &m)
	}
	switch {
	case m.State == v1alpha1.DeliveryFailed:
		return
	case Expired(d.Status, in.Now): // it failed before its time was over
		d.expired(in)
		return
	}
	d.lookAtExpiry(in.Now)
	d.next(in, &m, held(in, d.Status.Programs))
}

// startOver lets a mail be tried as if it never had been. If the one try that counted was refused for good, the mail has
// not left, and the time to answer it does not run.
func (d *Decision) startOver(in Input, m *v1alpha1.MailDelivery) {
	last := m.LastAttemptTime
	refused := m.State == v1alpha1.DeliveryFailed && m.FirstAttemptTime.Equal(last)
	stopped := neverLeft(d.Status) || refused
	m.State, m.Cause = v1alpha1.DeliveryFailed, ""
	delivery.Retry(m)
	if stopped {
		m.LastAttemptTime = last
	}
	keep(&d.Status, m)
	d.followEnd(in.Invite.Spec.NotAfter)
}

// next decides about the mail and notes what comes of it.
func (d *Decision) next(in Input, m *v1alpha1.MailDelivery, hold *delivery.Hold) {
	stopped := neverLeft(d.Status)
	claim, again := delivery.Next([]delivery.Mail{{MailDelivery: m, ID: d.Status.MessageID, Hold: hold}}, in.Now)
	keep(&d.Status, m)
	d.lookAgain(again, in.Now)
	set := setter(&d.Status, in.Now)
	switch {
	case claim >= 0:
		if stopped {
			d.setExpiry(in)
		}
		d.Status.NextAttemptTime = nil
		set.False(v1alpha1.ConditionSent, v1alpha1.ReasonSending, "handing the mail to the mail server")
		d.send(in, delivery.KeyOf(m))
	case m.State != v1alpha1.DeliveryPending: // in flight
	case hold != nil:
		d.Status.NextAttemptTime = nextProbe(d.Status, hold)
		set.False(v1alpha1.ConditionSent, hold.Reason, hold.Message)
	case d.Status.NextAttemptTime == nil: // what held it is over
		d.Status.NextAttemptTime = &metav1.Time{Time: again}
		set.False(v1alpha1.ConditionSent, v1alpha1.ReasonTemporaryFailure, "the mail has not left yet"+nextTry(again))
	}
}

// nextProbe is when it is tried whether the mail server can be reached again, for a mail that could not reach it; nil: that
// is not what the mail waits for. It is told once, since each change is a write.
func nextProbe(status v1alpha1.PartnerInviteStatus, hold *delivery.Hold) *metav1.Time {
	switch {
	case status.Cause != v1alpha1.MailUnreachable || hold.Reason != v1alpha1.ReasonTemporaryFailure:
		return nil
	case status.NextAttemptTime == nil && !hold.Until.IsZero():
		return &metav1.Time{Time: hold.Until}
	default:
		return status.NextAttemptTime
	}
}

// ScopeFor are the programs of the mail that is due now if nothing holds it back; nil: none is due. Whoever asks Decide
// looks up for them whether a program has sent its mail.maxPerHour, and whether the template can be used.
func ScopeFor(in Input) []v1alpha1.ProgramGrant {
	in.unheld = true
	if d := Decide(in); d.Send != nil {
		return d.Status.Programs
	}
	return nil
}

// Record notes what came of a claim: of the mail, or of the Secret with the link, whose Accepted is that it was written. It
// is false, and changes nothing, if the invite no longer speaks of that claim.
func Record(i *v1alpha1.PartnerInvite, key delivery.Key, o delivery.Outcome, now time.Time) bool {
	status := &i.Status
	if key.Kind != i.Mail() || key.Serial != status.Serial {
		return false
	}
	if key.Repeat > 0 {
		return recordRepeat(status, key, o)
	}
	m := mailOf(key.Kind, *status)
	reason, recorded := delivery.Mail{MailDelivery: &m, ID: status.MessageID}.Record(o)
	if !recorded {
		return false
	}
	keep(status, &m)
	set := setter(status, now)
	switch {
	case m.State == v1alpha1.DeliverySent:
		status.SentTime = &metav1.Time{Time: now}
		reason, message := taken(i.Spec.Delivery)
		set.True(v1alpha1.ConditionSent, reason, message)
	case m.State == v1alpha1.DeliveryPending && m.Cause == "":
		_, due := delivery.Next([]delivery.Mail{{MailDelivery: &m, ID: status.MessageID}}, m.LastAttemptTime.Time)
		status.NextAttemptTime = &metav1.Time{Time: due}
		set.False(v1alpha1.ConditionSent, reason, o.Message+nextTry(due))
	default:
		set.False(v1alpha1.ConditionSent, reason, o.Message+remedy(reason, o.Class, m.Attempts))
	}
	if neverLeft(*status) {
		status.ExpiryTime = endOf(i.Spec.NotAfter)
	}
	Summarize(status, now)
	return true
}

func recordRepeat(status *v1alpha1.PartnerInviteStatus, key delivery.Key, o delivery.Outcome) bool {
	if status.Repeat == nil || status.Repeat.Serial != key.Repeat {
		return false
	}
	_, recorded := delivery.Mail{MailDelivery: status.Repeat, ID: RepeatID(*status)}.Record(o)
	status.Repeat.Message = cut(status.Repeat.Message)
	return recorded
}

// taken says how a link left.
func taken(how v1alpha1.InviteDelivery) (reason, message string) {
	if how == v1alpha1.DeliveryLink {
		return v1alpha1.ReasonLinkReady, "the link stands in the Secret; no mail is sent"
	}
	return v1alpha1.ReasonSent, "the mail server took the mail"
}

func nextTry(due time.Time) string { return "; next try at " + due.UTC().Format(time.RFC3339) }

// remedy says what becomes of a mail that was not taken, or what can be done about it.
func remedy(reason string, class delivery.Class, attempts int32) string {
	switch {
	case reason == v1alpha1.ReasonAddressRejected:
		return "; create a new invite for the right address, or change this one's spec to try again"
	case reason == v1alpha1.ReasonContentRejected:
		return "; change the message or the template; a change of the spec or a resend tries anew"
	case reason == v1alpha1.ReasonGaveUp:
		return fmt.Sprintf("; given up after %d tries in a day; change the spec or ask for a resend to try anew", attempts)
	case class == delivery.NotAllowed:
		return HeldUntilMended("")
	case class == delivery.Refused:
		return "; the mail goes out once the mail server takes it"
	default:
		return "; the mail goes out once the mail server can be reached"
	}
}

// HeldUntilMended says that mail waits for the brand to be mended, because of a fault.
func HeldUntilMended(fault string) string { return fault + "; the mail goes out once that is mended" }
