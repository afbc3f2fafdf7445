package partnership

import (
	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/event"
)

// Transition is the event of a change of status, and false if none is worth telling.
func Transition(before, after v1alpha1.PartnershipStatus) (event.Event, bool) {
	switch {
	case before.State == after.State && before.State != "" && before.Group != after.Group:
		return event.Normal("Moved", "Move", "Moved from group "+orNone(before.Group)+" to "+orNone(after.Group)), true
	case before.State == after.State:
		return event.Event{}, false
	case after.State == v1alpha1.PartnershipRevoked:
		return event.Normal("Revoked", "Revoke", "Access ended; sessions are dead"), true
	case before.State == v1alpha1.PartnershipRevoked:
		return event.Normal("Reinstated", "Reinstate", "Access restored; sessions from before stay dead"), true
	default:
		return event.Normal("Activated", "Activate", "The partner has access"), true
	}
}
