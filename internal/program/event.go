package program

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/event"
)

// Transitions are the events of a change of a program's status: that something it names cannot be followed, that mail can
// no longer leave, and that it can again.
func Transitions(before, after v1alpha1.ProgramStatus) []event.Event {
	told := Unfollowed(before.Conditions, after.Conditions)
	was, is := meta.FindStatusCondition(before.Conditions, v1alpha1.ConditionMailReady), meta.FindStatusCondition(after.Conditions, v1alpha1.ConditionMailReady)
	switch {
	case is == nil || was != nil && was.Reason == is.Reason:
	case is.Status == metav1.ConditionFalse:
		told = append(told, event.Warning(is.Reason, "Mail", is.Message))
	case is.Status == metav1.ConditionTrue && was != nil: // else nothing is known, or all is well from the start
		told = append(told, event.Normal("MailReady", "Mail", is.Message))
	}
	return told
}

// Unfollowed is the event of a change of the conditions of a program or group: that something it names cannot be followed, or
// now for another reason. That it can be again is not told, as it is what was asked for.
func Unfollowed(before, after []metav1.Condition) []event.Event {
	is := problemOf(after)
	if is == nil {
		return nil
	}
	if was := problemOf(before); was != nil && was.Reason == is.Reason {
		return nil
	}
	return []event.Event{event.Warning(is.Reason, "Resolve", is.Message)}
}

// problemOf is the condition that tells of a reference that cannot be followed; nil: none does.
func problemOf(conditions []metav1.Condition) *metav1.Condition {
	if c := meta.FindStatusCondition(conditions, v1alpha1.ConditionStalled); c != nil {
		return c
	}
	if c := meta.FindStatusCondition(conditions, v1alpha1.ConditionResolvedRefs); c != nil && c.Status == metav1.ConditionFalse {
		return c
	}
	return nil
}
