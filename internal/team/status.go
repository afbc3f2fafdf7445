// Package team holds the rules about partner teams. It is pure.
package team

import (
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
)

// Status is what a team's status should say. The owner that the spec names is the first owner; once there is one, the
// spec no longer decides.
func Status(t *v1alpha1.PartnerTeam, now time.Time) v1alpha1.PartnerTeamStatus {
	status := *t.Status.DeepCopy()
	status.ObservedGeneration = t.Generation
	if status.Owner == nil {
		status.Owner = t.Spec.Owner.DeepCopy()
	}
	set := v1alpha1.ConditionSetter{Conditions: &status.Conditions, Generation: t.Generation, Now: now}
	if _, err := address.Deliverable(string(status.Owner.Email)); err != nil {
		message := "owner.email " + err.Error() + "; create the team again with an address that mail can reach"
		set.False(v1alpha1.ConditionReady, v1alpha1.ReasonOwnerInvalid, message)
		set.True(v1alpha1.ConditionStalled, v1alpha1.ReasonOwnerInvalid, message)
		return status
	}
	set.True(v1alpha1.ConditionReady, v1alpha1.ReasonReady, "the team can be a partner")
	set.Remove(v1alpha1.ConditionStalled)
	return status
}
