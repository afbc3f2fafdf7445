package v1alpha1

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ConditionSetter sets conditions of one object that was observed at one generation and time. A condition whose status
// stays keeps its transition time.
// +kubebuilder:object:generate=false
type ConditionSetter struct {
	// Conditions is the list that is changed.
	Conditions *[]metav1.Condition
	// Generation is the generation of the spec that was observed.
	Generation int64
	// Now is the time of a transition.
	Now time.Time
}

// True says that a condition holds.
func (s ConditionSetter) True(conditionType, reason, message string) {
	s.set(conditionType, metav1.ConditionTrue, reason, message)
}

// False says that a condition does not hold.
func (s ConditionSetter) False(conditionType, reason, message string) {
	s.set(conditionType, metav1.ConditionFalse, reason, message)
}

// Unknown says that it is not known yet whether a condition holds.
func (s ConditionSetter) Unknown(conditionType, reason, message string) {
	s.set(conditionType, metav1.ConditionUnknown, reason, message)
}

// Remove takes away a condition that is present only while it is True.
func (s ConditionSetter) Remove(conditionType string) {
	meta.RemoveStatusCondition(s.Conditions, conditionType)
}

// Observe marks a condition that still stands as observed at this generation. A condition that is not there stays so.
func (s ConditionSetter) Observe(conditionType string) {
	if c := meta.FindStatusCondition(*s.Conditions, conditionType); c != nil {
		c.ObservedGeneration = s.Generation
	}
}

func (s ConditionSetter) set(conditionType string, status metav1.ConditionStatus, reason, message string) {
	meta.SetStatusCondition(s.Conditions, metav1.Condition{
		Type:               conditionType,
		Status:             status,
		Reason:             reason,
		Message:            message,
		ObservedGeneration: s.Generation,
		LastTransitionTime: metav1.NewTime(s.Now),
	})
}
