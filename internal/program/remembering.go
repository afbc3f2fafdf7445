package program

import (
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// Forgetting tells why nobody who is removed from a program from now on is remembered; without a reason, they are.
type Forgetting struct{ Reason, Message string }

// SetRemembering notes in the status of a program whether removals are remembered.
func SetRemembering(status *v1alpha1.ProgramStatus, f Forgetting, now time.Time) {
	set := v1alpha1.ConditionSetter{Conditions: &status.Conditions, Generation: status.ObservedGeneration, Now: now}
	if f.Reason == "" {
		set.Remove(v1alpha1.ConditionRemovalsRemembered)
		return
	}
	set.False(v1alpha1.ConditionRemovalsRemembered, f.Reason, f.Message)
}
