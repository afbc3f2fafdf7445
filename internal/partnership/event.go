package partnership

import (
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/event"
)

// Transitions are the events of a change of status: of the state, of the group in force, and of mails that
// failed.
func Transitions(before, after v1alpha1.PartnershipStatus) []event.Event {
	var told []event.Event
	if before.State != after.State {
		told = append(told, entered(before.State, after))
	}
	if before.State != "" && before.Group != after.Group {
		told = append(told, event.Normal("Moved", "Move", "Moved from group "+orNone(before.Group)+" to "+orNone(after.Group)))
	}
	return append(told, delivery.Failures(before.Mails, after.Mails)...)
}

// entered is the event of a state that is new.
func entered(before v1alpha1.PartnershipState, after v1alpha1.PartnershipStatus) event.Event {
	const active, pending = v1alpha1.PartnershipActive, v1alpha1.PartnershipPending
	switch now := after.State; {
	case now == v1alpha1.PartnershipConflict:
		return event.Warning("Conflict", "Conflict", messageOf(after, v1alpha1.ConditionActive))
	case now == v1alpha1.PartnershipRevoked:
		return event.Normal("Revoked", "Revoke", "Access ended; sessions are dead")
	case now == v1alpha1.PartnershipExpired:
		return event.Normal("Expired", "Expire", "Access ended at validUntil; sessions are dead")
	case before == v1alpha1.PartnershipRevoked:
		return event.Normal("Reinstated", "Reinstate", restored(now))
	case before == v1alpha1.PartnershipExpired:
		return event.Normal("Extended", "Extend", restored(now))
	case now == v1alpha1.PartnershipRejected:
		return event.Normal("Rejected", "Reject", "The company decided against the partner")
	case before == v1alpha1.PartnershipConflict:
		return event.Normal("ConflictResolved", "Resolve", "No older Partnership of the same partner stands in the way any more; this one is "+string(now))
	case now == v1alpha1.PartnershipInvited:
		return event.Normal("Invited", "Invite", "The partner has access once they accept")
	case now == pending:
		return event.Normal("Pending", "Wait", "The partner has access once the company approves")
	case now == active && (before == pending || before == v1alpha1.PartnershipRejected):
		return event.Normal("Approved", "Approve", "The company approved; the partner has access")
	default:
		return event.Normal("Activated", "Activate", "The partner has access")
	}
}

// restored says what came back when access was restored.
func restored(state v1alpha1.PartnershipState) string {
	if state == v1alpha1.PartnershipActive {
		return "Access restored; sessions from before stay dead"
	}
	return "The partnership is " + string(state) + " as before"
}

func messageOf(status v1alpha1.PartnershipStatus, conditionType string) string {
	if c := meta.FindStatusCondition(status.Conditions, conditionType); c != nil {
		return c.Message
	}
	return ""
}
