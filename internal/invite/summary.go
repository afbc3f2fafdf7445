package invite

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/event"
	"github.com/partner-operator/partner-operator/internal/program"
)

// Expired tells whether an issued invite's time is over.
func Expired(status v1alpha1.PartnerInviteStatus, now time.Time) bool {
	return status.ExpiryTime != nil && !now.Before(status.ExpiryTime.Time)
}

// refusals are the reasons of Accepted that make an invite Refused.
var refusals = []string{
	v1alpha1.ReasonPartnerRevoked, v1alpha1.ReasonPartnerRejected, v1alpha1.ReasonApplicationPending, v1alpha1.ReasonDuplicateInvite,
	v1alpha1.ReasonTeamExists,
}

// failures are the reasons of Sent that make an invite Failed.
var failures = []string{v1alpha1.ReasonAddressRejected, v1alpha1.ReasonContentRejected, v1alpha1.ReasonGaveUp}

// State is where an invite stands, by the facts in its status.
func State(status v1alpha1.PartnerInviteStatus, now time.Time) v1alpha1.InviteState {
	reason := sentReason(status)
	refusal := ""
	if meta.IsStatusConditionFalse(status.Conditions, v1alpha1.ConditionAccepted) { // of an open invite it only says what is in the way
		refusal = reasonOf(status, v1alpha1.ConditionAccepted)
	}
	switch {
	case status.Acceptance != nil && status.Acceptance.Decision == v1alpha1.DecisionAccepted:
		return v1alpha1.InviteAccepted
	case refusal == v1alpha1.ReasonAlreadyPartner:
		return v1alpha1.InviteAlreadyPartner
	case slices.Contains(refusals, refusal):
		return v1alpha1.InviteRefused
	case status.Acceptance != nil:
		return v1alpha1.InviteDeclined
	case slices.Contains(failures, reason):
		return v1alpha1.InviteFailed
	case Expired(status, now):
		return v1alpha1.InviteExpired
	case status.SentTime != nil:
		return v1alpha1.InviteSent
	case reason == v1alpha1.ReasonHeld:
		return v1alpha1.InviteHeld
	default:
		return v1alpha1.InvitePending
	}
}

// Summarize sets what follows from the facts in a status: the state, and the conditions Accepted, Ready, Reconciling
// and Stalled. The conditions ResolvedRefs and Sent are facts.
func Summarize(status *v1alpha1.PartnerInviteStatus, now time.Time) { summarize(status, now, nil, nil) }

// summarize is Summarize for an invite whose resend may be waiting for something, and that may be refused while it is open.
func summarize(status *v1alpha1.PartnerInviteStatus, now time.Time, resend *delivery.Hold, refused *program.Unresolved) {
	status.Enter(State(*status, now), now)
	set := setter(status, now)
	set.Observe(v1alpha1.ConditionResolvedRefs)
	set.Observe(v1alpha1.ConditionSent)
	set.Observe(v1alpha1.ConditionAccepted)
	switch status.State {
	case v1alpha1.InviteAccepted:
		set.True(v1alpha1.ConditionAccepted, v1alpha1.ReasonAccepted, "the person accepted")
		if len(status.PartnershipRefs) == 0 {
			waiting(set, v1alpha1.ReasonAccepted, "the person accepted; creating the partnerships")
			return
		}
		done(set, resend, v1alpha1.ReasonAccepted, "the person accepted and is a partner")
	case v1alpha1.InviteDeclined:
		set.False(v1alpha1.ConditionAccepted, v1alpha1.ReasonDeclined, "the person declined")
		done(set, resend, v1alpha1.ReasonDeclined, "the person declined")
	case v1alpha1.InviteExpired:
		set.False(v1alpha1.ConditionAccepted, v1alpha1.ReasonExpired, "nobody answered in time")
		done(set, resend, v1alpha1.ReasonExpired, "nobody answered in time; the link no longer works")
	case v1alpha1.InviteSent:
		if status.WrongAddresses.LinkDead() {
			message := fmt.Sprintf("%d wrong addresses were typed on the page of the link, so it is dead; ask for a resend, which makes a new one", status.WrongAddresses)
			set.False(v1alpha1.ConditionAccepted, v1alpha1.ReasonTooManyWrongAddresses, message)
			done(set, resend, v1alpha1.ReasonTooManyWrongAddresses, message)
			return
		}
		if refused != nil {
			set.Unknown(v1alpha1.ConditionAccepted, refused.Reason, refused.Message)
			done(set, resend, refused.Reason, refused.Message)
			return
		}
		set.Unknown(v1alpha1.ConditionAccepted, v1alpha1.ReasonPending, "the person has not answered yet")
		done(set, resend, sentReason(*status), sentMessage(*status))
	case v1alpha1.InviteAlreadyPartner:
		done(set, resend, v1alpha1.ReasonAlreadyPartner, messageOf(*status, v1alpha1.ConditionAccepted))
	case v1alpha1.InviteRefused:
		stalled(set, resend, reasonOf(*status, v1alpha1.ConditionAccepted), messageOf(*status, v1alpha1.ConditionAccepted))
	default:
		set.Unknown(v1alpha1.ConditionAccepted, v1alpha1.ReasonPending, "the person has not been asked yet")
		notSent(status, set, resend)
	}
}

// notSent mirrors the condition that is in the way of the mail.
func notSent(status *v1alpha1.PartnerInviteStatus, set v1alpha1.ConditionSetter, resend *delivery.Hold) {
	blocking := blockingCondition(status.Conditions)
	if blocking == nil {
		return
	}
	reason, message := blocking.Reason, blocking.Message
	if status.State == v1alpha1.InviteFailed || program.Stuck(reason) {
		stalled(set, resend, reason, message)
		return
	}
	notResolved(set, resend, program.Unresolved{Reason: reason, Message: message})
}

// notResolved notes what an invite waits for.
func notResolved(set v1alpha1.ConditionSetter, resend *delivery.Hold, by program.Unresolved) {
	if by.AwaitsAcceptance() {
		done(set, resend, by.Reason, by.Message)
		return
	}
	waiting(set, by.Reason, by.Message)
}

// sentMessage says how the link left, and until when it can be answered.
func sentMessage(status v1alpha1.PartnerInviteStatus) string {
	how := "the mail has left"
	if sentReason(status) == v1alpha1.ReasonLinkReady {
		how = "the link stands in the Secret"
	}
	return how + "; the person can answer until " + status.ExpiryTime.UTC().Format(time.RFC3339)
}

// done, waiting and stalled are the three ways in which an invite can stand. A condition that stays is not taken away
// and put back, which would look like a transition.
func done(set v1alpha1.ConditionSetter, resend *delivery.Hold, reason, message string) {
	set.True(v1alpha1.ConditionReady, reason, message)
	set.Remove(v1alpha1.ConditionStalled)
	if resend == nil {
		set.Remove(v1alpha1.ConditionReconciling)
		return
	}
	set.True(v1alpha1.ConditionReconciling, resend.Reason, resend.Message)
}

func waiting(set v1alpha1.ConditionSetter, reason, message string) {
	set.False(v1alpha1.ConditionReady, reason, message)
	set.True(v1alpha1.ConditionReconciling, reason, message)
	set.Remove(v1alpha1.ConditionStalled)
}

func stalled(set v1alpha1.ConditionSetter, resend *delivery.Hold, reason, message string) {
	set.False(v1alpha1.ConditionReady, reason, message)
	if resend != nil {
		set.True(v1alpha1.ConditionReconciling, resend.Reason, resend.Message)
		set.Remove(v1alpha1.ConditionStalled)
		return
	}
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

// Obstruct notes what keeps the answer of an accepted invite from being carried out.
func Obstruct(status *v1alpha1.PartnerInviteStatus, by program.Unresolved, now time.Time) {
	by.Block(setter(status, now))
}

// Obstructed tells whether the person accepted, and somebody has to change something before they are a partner.
func Obstructed(i *v1alpha1.PartnerInvite) bool {
	return i.Status.State == v1alpha1.InviteAccepted && len(i.Status.PartnershipRefs) == 0 &&
		meta.IsStatusConditionTrue(i.Status.Conditions, v1alpha1.ConditionStalled)
}

// Transition is the event of a change of status, and false if none is worth telling: entering a state, or beginning to
// wait for something. The address comes masked.
func Transition(before, after v1alpha1.PartnerInviteStatus, masked string) (event.Event, bool) {
	if before.State != after.State || before.Serial != after.Serial {
		if told, worth := entered(after, masked); worth {
			return told, true
		}
	}
	if after.WrongAddresses.LinkDead() && !before.WrongAddresses.LinkDead() {
		return event.Warning(v1alpha1.ReasonTooManyWrongAddresses, "Refuse", fmt.Sprintf("%d wrong addresses were typed on the page of the link for %s, so it is dead until a resend", after.WrongAddresses, masked)), true
	}
	was, is := obstacleIn(before), obstacleIn(after)
	if is == nil || is.Reason == v1alpha1.ReasonSending || is.Reason == v1alpha1.ReasonAccepted {
		return event.Event{}, false
	}
	if was != nil && was.Reason == is.Reason {
		return event.Event{}, false
	}
	return event.Warning(is.Reason, "Wait", is.Message), true
}

// entered is the event of entering a state, and false if what it waits for is told instead.
func entered(after v1alpha1.PartnerInviteStatus, masked string) (event.Event, bool) {
	if len(after.Members) > 0 && len(after.Programs) == 0 {
		return enteredByTeammates(after, masked)
	}
	switch after.State {
	case v1alpha1.InviteSent:
		if sentReason(after) == v1alpha1.ReasonLinkReady {
			return event.Normal("Sent", "Provide", fmt.Sprintf("Link %d stands in the Secret; no mail is sent", after.Serial)), true
		}
		return event.Normal("Sent", event.ActionSend, fmt.Sprintf("Mailed invite %d to %s", after.Serial, masked)), true
	case v1alpha1.InviteAccepted:
		return event.Normal("Accepted", "Accept", masked+" accepted"), true
	case v1alpha1.InviteDeclined:
		return event.Normal("Declined", "Decline", masked+" declined"), true
	case v1alpha1.InviteExpired:
		return event.Normal("Expired", "Expire", masked+" did not answer in time"), true
	case v1alpha1.InviteFailed:
		return event.Warning(sentReason(after), event.ActionSend, messageOf(after, v1alpha1.ConditionReady)), true
	case v1alpha1.InviteAlreadyPartner:
		return event.Normal(v1alpha1.ReasonAlreadyPartner, "Refuse", masked+" is a partner already; nothing was sent"), true
	case v1alpha1.InviteRefused:
		return event.Warning(reasonOf(after, v1alpha1.ConditionAccepted), "Refuse", messageOf(after, v1alpha1.ConditionAccepted)), true
	case v1alpha1.InvitePending, v1alpha1.InviteHeld: // what it waits for is told below
	}
	return event.Event{}, false
}

// enteredByTeammates is the event of an invite of teammates that enters a state, and false if none is worth telling.
func enteredByTeammates(after v1alpha1.PartnerInviteStatus, team string) (event.Event, bool) {
	all, joined := people(len(after.Members)), tallyOf(after.Members).joined
	switch after.State {
	case v1alpha1.InviteSent:
		return event.Normal("Sent", "Propose", fmt.Sprintf("%s proposed to %s", all, team)), true
	case v1alpha1.InviteAccepted:
		return event.Normal("Accepted", "Accept", fmt.Sprintf("%d of %d joined %s", joined, len(after.Members), team)), true
	case v1alpha1.InviteDeclined:
		return event.Normal("Declined", "Decline", fmt.Sprintf("None of %d joined %s", len(after.Members), team)), true
	case v1alpha1.InviteExpired:
		return event.Normal("Expired", "Expire", fmt.Sprintf("None of %d joined %s in time", len(after.Members), team)), true
	case v1alpha1.InviteAlreadyPartner:
		return event.Normal(v1alpha1.ReasonAlreadyPartner, "Refuse", "All of the people are in "+team+" already; nobody was asked"), true
	case v1alpha1.InviteRefused:
		return event.Warning(reasonOf(after, v1alpha1.ConditionAccepted), "Refuse", messageOf(after, v1alpha1.ConditionAccepted)), true
	case v1alpha1.InvitePending, v1alpha1.InviteHeld, v1alpha1.InviteFailed: // it has no mail of its own
	}
	return event.Event{}, false
}

// people counts people in words that begin a sentence.
func people(count int) string {
	if count == 1 {
		return "1 person was"
	}
	return fmt.Sprintf("%d people were", count)
}

// obstacleIn is the condition that tells what an invite waits for; nil: it does not.
func obstacleIn(status v1alpha1.PartnerInviteStatus) *metav1.Condition {
	if c := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionStalled); c != nil {
		return c
	}
	return meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReconciling)
}

func messageOf(status v1alpha1.PartnerInviteStatus, conditionType string) string {
	if c := meta.FindStatusCondition(status.Conditions, conditionType); c != nil {
		return c.Message
	}
	return ""
}
