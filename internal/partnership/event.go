package partnership

import (
	"cmp"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/event"
)

// Transitions are the events of a change of status: of the state, of access, of the group in force, and of mails that
// failed.
func Transitions(before, after v1alpha1.PartnershipStatus) []event.Event {
	var told []event.Event
	switch activated := before.ActivatedTime == nil && after.ActivatedTime != nil; {
	case before.State != after.State:
		told = append(told, entered(before.State, after)...)
	case activated:
		told = append(told, hasAccess)
	}
	if before.State != "" && before.Group != after.Group {
		told = append(told, grouped(before, after)...)
	}
	return append(told, delivery.Failures(before.Mails, after.Mails)...)
}

// hasAccess is the event of a partner who has access for the first time.
var hasAccess = event.Normal("Activated", "Activate", "The partner has access")

// grouped is the event of another group in force, if there is one. A partnership that was created before what it names gets
// only now what its spec says, which is nothing new; and nobody is moved out of none by a change of other objects.
func grouped(before, after v1alpha1.PartnershipStatus) []event.Event {
	othersChanged := before.ObservedGeneration == after.ObservedGeneration
	unfinished := before.ObservedGeneration <= 1 && (before.LastMove == nil || before.LastMove.From == "") &&
		meta.IsStatusConditionFalse(before.Conditions, v1alpha1.ConditionResolvedRefs)
	switch {
	case othersChanged && unfinished:
		return nil
	case othersChanged && before.Group == "":
		return []event.Event{event.Normal("InGroup", "Move", "In group "+orNone(after.Group))}
	default:
		return []event.Event{event.Normal("Moved", "Move", "Moved from group "+orNone(before.Group)+" to "+orNone(after.Group))}
	}
}

// entered is the event of a state that is new, if there is one: Active is told once the partner has access.
func entered(before v1alpha1.PartnershipState, after v1alpha1.PartnershipStatus) []event.Event {
	if e, ok := entering(before, after); ok {
		return []event.Event{e}
	}
	if after.ActivatedTime == nil {
		return nil
	}
	return []event.Event{hasAccess}
}

// entering is the event of a state that is new, and false if that is Active for the first time.
func entering(before v1alpha1.PartnershipState, after v1alpha1.PartnershipStatus) (event.Event, bool) {
	const active, pending = v1alpha1.PartnershipActive, v1alpha1.PartnershipPending
	switch now := after.State; {
	case now == v1alpha1.PartnershipConflict:
		return event.Warning("Conflict", "Conflict", messageOf(after, v1alpha1.ConditionActive)), true
	case now == v1alpha1.PartnershipRevoked:
		return event.Normal("Revoked", "Revoke", "Access ended; sessions are dead"), true
	case now == v1alpha1.PartnershipExpired:
		return event.Normal("Expired", "Expire", "Access ended at validUntil; sessions are dead"), true
	case before == v1alpha1.PartnershipRevoked:
		return event.Normal("Reinstated", "Reinstate", restored(after)), true
	case before == v1alpha1.PartnershipExpired:
		return event.Normal("Extended", "Extend", restored(after)), true
	case now == v1alpha1.PartnershipRejected:
		return event.Normal("Rejected", "Reject", "The company decided against the partner"), true
	case before == v1alpha1.PartnershipConflict:
		return event.Normal("ConflictResolved", "Resolve", "No older Partnership of the same partner stands in the way any more; this one is "+string(now)), true
	case now == v1alpha1.PartnershipInvited:
		return event.Normal("Invited", "Invite", "The partner has access once they accept"), true
	case now == pending:
		return event.Normal("Pending", "Wait", "The partner has access once the company approves"), true
	case now == active && (before == pending || before == v1alpha1.PartnershipRejected):
		return event.Normal("Approved", "Approve", "The company approved; "+cmp.Or(denied(after), "the partner has access")), true
	default:
		return event.Event{}, false
	}
}

// denied says why a partner whose state is Active does not get in; empty: they do.
func denied(status v1alpha1.PartnershipStatus) string {
	if c := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionActive); c != nil && c.Status == metav1.ConditionFalse {
		return c.Message
	}
	return ""
}

// restored says what came back when access was restored.
func restored(after v1alpha1.PartnershipStatus) string {
	if after.State != v1alpha1.PartnershipActive {
		return "The partnership is " + string(after.State) + " as before"
	}
	if why := denied(after); why != "" {
		return "The partnership is Active as before; " + why
	}
	return "Access restored; sessions from before stay dead"
}

func messageOf(status v1alpha1.PartnershipStatus, conditionType string) string {
	if c := meta.FindStatusCondition(status.Conditions, conditionType); c != nil {
		return c.Message
	}
	return ""
}
