package invite

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
)

// An invite keeps the state of its mail in fields of its own and in the condition Sent, and package delivery works on
// MailDelivery. The functions here convert one into the other.

// mailOf returns the mail of an invite that was issued.
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

// saveTries writes the tries of a mail to status.
func saveTries(status *v1alpha1.PartnerInviteStatus, m *v1alpha1.MailDelivery) {
	status.Cause, status.Attempts = m.Cause, m.Attempts
	status.FirstAttemptTime, status.LastAttemptTime = m.FirstAttemptTime, m.LastAttemptTime
}

// neverLeft reports whether the mail of an invite was tried and certainly has not left: each time the mail server refused the
// operator or could not be reached.
func neverLeft(status v1alpha1.PartnerInviteStatus) bool {
	return status.Serial > 0 && status.SentTime == nil && status.FirstAttemptTime == nil && status.LastAttemptTime != nil
}

// inFlight returns until when a process may be sending the mail. It is the zero time if none is.
func inFlight(status v1alpha1.PartnerInviteStatus) time.Time {
	if sentReason(status) != v1alpha1.ReasonSending || status.LastAttemptTime == nil {
		return time.Time{}
	}
	return status.LastAttemptTime.Add(delivery.InFlight)
}

// takeBack makes a mail due whose refusal turned out to be about the sender or the operator.
func (d *Decision) takeBack(in Input) {
	m := mailOf(in.Invite.Mail(), d.Status)
	if m.State == v1alpha1.DeliveryFailed && slices.Contains(in.TakenBack, delivery.KeyOf(&m)) {
		d.startOver(in)
	}
}

// tryAgain decides about an invite that was issued and whose mail has not left.
func (d *Decision) tryAgain(in Input, specChanged bool) {
	if specChanged && sentReason(d.Status) != v1alpha1.ReasonSending {
		d.startOver(in)
	}
	m := mailOf(in.Invite.Mail(), d.Status)
	until := inFlight(d.Status)
	switch {
	case m.State == v1alpha1.DeliveryFailed:
		return
	case Expired(d.Status, in.Now): // while it was Failed, it could not become Expired
		d.expired(in)
		return
	}
	d.lookAtExpiry(in.Now)
	if in.Now.Before(until) {
		d.LookAt(until, in.Now)
		return
	}
	scope, hold := d.resolve(in)
	if hold == nil {
		hold = d.held(in, scope)
	}
	d.next(in, &m, hold)
}

// startOver makes the mail due, with no tries. If its only try of its own was refused for good, the mail has certainly not
// left, so the expiry is reset, too.
func (d *Decision) startOver(in Input) {
	m := mailOf(in.Invite.Mail(), d.Status)
	last := m.LastAttemptTime
	refused := m.State == v1alpha1.DeliveryFailed && m.FirstAttemptTime.Equal(last)
	stopped := neverLeft(d.Status) || refused
	m.State, m.Cause = v1alpha1.DeliveryFailed, ""
	delivery.Retry(&m)
	if stopped {
		m.LastAttemptTime = last
	}
	saveTries(&d.Status, &m)
	d.followEnd(in.Invite.Spec.NotAfter)
	setter(&d.Status, in.Now).False(v1alpha1.ConditionSent, v1alpha1.ReasonTemporaryFailure, "the mail is tried again")
}

// next decides about the mail and writes the decision to status.
func (d *Decision) next(in Input, m *v1alpha1.MailDelivery, hold *delivery.Hold) {
	stopped := neverLeft(d.Status)
	claim, again := delivery.Next([]delivery.Mail{{MailDelivery: m, ID: d.Status.MessageID, Hold: hold}}, in.Now)
	saveTries(&d.Status, m)
	d.LookAt(again, in.Now)
	set := setter(&d.Status, in.Now)
	switch {
	case claim >= 0:
		if stopped {
			d.setExpiry(in)
		}
		d.Status.NextAttemptTime = nil
		set.False(v1alpha1.ConditionSent, v1alpha1.ReasonSending, "handing the mail to the mail server")
		d.claims(in, delivery.KeyOf(m))
	case hold != nil:
		d.Status.NextAttemptTime = nextProbe(d.Status, hold)
		set.False(v1alpha1.ConditionSent, hold.Reason, hold.Message)
	case d.Status.NextAttemptTime == nil: // it was held until now
		d.Status.NextAttemptTime = &metav1.Time{Time: again}
		set.False(v1alpha1.ConditionSent, v1alpha1.ReasonTemporaryFailure, "the mail has not left yet"+nextTry(again))
	}
}

// nextProbe returns when the mail server is probed next, if the last try of the mail could not reach it, else nil. Later
// probes do not change it, since each change would be a write.
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

// ScopeFor returns the programs of the mail that waits to be claimed, or nil if none does. Before a decision, the caller
// looks up Input.Quota and Input.Template for these programs.
func ScopeFor(in Input) []v1alpha1.ProgramGrant {
	in.Quota, in.Template = nil, nil
	return Decide(in).scope
}

// Record writes the outcome of a claim to status. For an invite with delivery Link, Accepted means that the Secret was
// written. Record returns false and changes nothing if status no longer has that claim.
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
	saveTries(status, &m)
	set := setter(status, now)
	switch {
	case m.State == v1alpha1.DeliverySent:
		status.SentTime = &metav1.Time{Time: now}
		reason, message := sentBy(i.Spec.Delivery)
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
	status.Repeat.Message = truncate(status.Repeat.Message)
	return recorded
}

// sentBy returns the reason and message of the condition Sent for a link that left.
func sentBy(how v1alpha1.InviteDelivery) (reason, message string) {
	if how == v1alpha1.DeliveryLink {
		return v1alpha1.ReasonLinkReady, "the link stands in the Secret; no mail is sent"
	}
	return v1alpha1.ReasonSent, "the mail server took the mail"
}

func nextTry(due time.Time) string { return "; next try at " + due.UTC().Format(time.RFC3339) }

// remedy returns the end of the message about a mail that was not taken: what to do, or what happens next.
func remedy(reason string, class delivery.Class, attempts int32) string {
	switch {
	case reason == v1alpha1.ReasonAddressRejected:
		return "; create a new invite for the right address, or change this one's spec to try again"
	case reason == v1alpha1.ReasonContentRejected:
		return "; change the message or the template; a change of the spec or a resend tries again"
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
