package invite

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/event"
)

// Expired tells whether an issued invite's time is over.
func Expired(status v1alpha1.PartnerInviteStatus, now time.Time) bool {
	return status.ExpiryTime != nil && !now.Before(status.ExpiryTime.Time)
}

// State is where an invite stands, by the facts in its status.
func State(status v1alpha1.PartnerInviteStatus, now time.Time) v1alpha1.InviteState {
	reason := sentReason(status)
	switch {
	case status.Acceptance != nil && status.Acceptance.Decision == v1alpha1.DecisionAccepted:
		return v1alpha1.InviteAccepted
	case status.Acceptance != nil:
		return v1alpha1.InviteDeclined
	case reason == v1alpha1.ReasonAddressRejected || reason == v1alpha1.ReasonGaveUp:
		return v1alpha1.InviteFailed
	case Expired(status, now):
		return v1alpha1.InviteExpired
	case status.SentTime != nil:
		return v1alpha1.InviteSent
	default:
		return v1alpha1.InvitePending
	}
}

// Summarize sets what follows from the facts in a status: the state, and the conditions Accepted, Ready, Reconciling
// and Stalled. The conditions ResolvedRefs and Sent are facts.
func Summarize(status *v1alpha1.PartnerInviteStatus, now time.Time) {
	status.State = State(*status, now)
	set := setter(status, now)
	set.Observe(v1alpha1.ConditionResolvedRefs)
	set.Observe(v1alpha1.ConditionSent)
	switch status.State {
	case v1alpha1.InviteAccepted:
		set.True(v1alpha1.ConditionAccepted, v1alpha1.ReasonAccepted, "the person accepted")
		if len(status.PartnershipRefs) == 0 {
			waiting(set, v1alpha1.ReasonAccepted, "the person accepted; creating the partnerships")
			return
		}
		done(set, v1alpha1.ReasonAccepted, "the person accepted and is a partner")
	case v1alpha1.InviteDeclined:
		set.False(v1alpha1.ConditionAccepted, v1alpha1.ReasonDeclined, "the person declined")
		done(set, v1alpha1.ReasonDeclined, "the person declined")
	case v1alpha1.InviteExpired:
		set.False(v1alpha1.ConditionAccepted, v1alpha1.ReasonExpired, "nobody answered in time")
		done(set, v1alpha1.ReasonExpired, "nobody answered in time; the link no longer works")
	case v1alpha1.InviteSent:
		set.Unknown(v1alpha1.ConditionAccepted, v1alpha1.ReasonPending, "the person has not answered yet")
		done(set, v1alpha1.ReasonSent, "the mail has left; the person can answer until "+status.ExpiryTime.UTC().Format(time.RFC3339))
	default:
		set.Unknown(v1alpha1.ConditionAccepted, v1alpha1.ReasonPending, "the person has not been asked yet")
		notSent(status, set)
	}
}

// notSent mirrors the condition that is in the way of the mail.
func notSent(status *v1alpha1.PartnerInviteStatus, set v1alpha1.ConditionSetter) {
	blocking := blockingCondition(status.Conditions)
	if blocking == nil {
		return
	}
	reason, message := blocking.Reason, blocking.Message
	if status.State == v1alpha1.InviteFailed || reason == v1alpha1.ReasonTooManyPrograms {
		stalled(set, reason, message)
		return
	}
	waiting(set, reason, message)
}

// done, waiting and stalled are the three ways in which an invite can stand. A condition that stays is not taken away
// and put back, which would look like a transition.
func done(set v1alpha1.ConditionSetter, reason, message string) {
	set.True(v1alpha1.ConditionReady, reason, message)
	set.Remove(v1alpha1.ConditionReconciling)
	set.Remove(v1alpha1.ConditionStalled)
}

func waiting(set v1alpha1.ConditionSetter, reason, message string) {
	set.False(v1alpha1.ConditionReady, reason, message)
	set.True(v1alpha1.ConditionReconciling, reason, message)
	set.Remove(v1alpha1.ConditionStalled)
}

func stalled(set v1alpha1.ConditionSetter, reason, message string) {
	set.False(v1alpha1.ConditionReady, reason, message)
	set.True(v1alpha1.ConditionStalled, reason, message)
	set.Remove(v1alpha1.ConditionReconciling)
}

func blockingCondition(conditions []metav1.Condition) *metav1.Condition {
	if refs := meta.FindStatusCondition(conditions, v1alpha1.ConditionResolvedRefs); refs != nil && refs.Status != metav1.ConditionTrue {
		return refs
	}
	return meta.FindStatusCondition(conditions, v1alpha1.ConditionSent)
}

func setter(status *v1alpha1.PartnerInviteStatus, now time.Time) v1alpha1.ConditionSetter {
	return v1alpha1.ConditionSetter{Conditions: &status.Conditions, Generation: status.ObservedGeneration, Now: now}
}

// Transition is the event of a change of status, and false if none is worth telling: entering a state, or beginning to
// wait for something. The address comes masked.
func Transition(before, after v1alpha1.PartnerInviteStatus, masked string) (event.Event, bool) {
	if before.State != after.State {
		switch after.State {
		case v1alpha1.InviteSent:
			return event.Normal("Sent", "Send", fmt.Sprintf("Mailed invite %d to %s", after.Serial, masked)), true
		case v1alpha1.InviteAccepted:
			return event.Normal("Accepted", "Accept", masked+" accepted"), true
		case v1alpha1.InviteDeclined:
			return event.Normal("Declined", "Decline", masked+" declined"), true
		case v1alpha1.InviteExpired:
			return event.Normal("Expired", "Expire", masked+" did not answer in time"), true
		case v1alpha1.InviteFailed:
			return event.Warning(sentReason(after), "Send", readyMessage(after)), true
		case v1alpha1.InvitePending: // what it waits for is told below
		}
	}
	was, is := meta.FindStatusCondition(before.Conditions, v1alpha1.ConditionReconciling), meta.FindStatusCondition(after.Conditions, v1alpha1.ConditionReconciling)
	if is == nil || is.Reason == v1alpha1.ReasonSending || is.Reason == v1alpha1.ReasonAccepted {
		return event.Event{}, false
	}
	if was != nil && was.Reason == is.Reason {
		return event.Event{}, false
	}
	return event.Warning(is.Reason, "Wait", is.Message), true
}

func readyMessage(status v1alpha1.PartnerInviteStatus) string {
	if c := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady); c != nil {
		return c.Message
	}
	return ""
}
