package program

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/event"
)

// Transition is the event of a change of status, and false if none is worth telling: that mail can no longer leave, and
// that it can again.
func Transition(before, after v1alpha1.ProgramStatus) (event.Event, bool) {
	was, is := meta.FindStatusCondition(before.Conditions, v1alpha1.ConditionMailReady), meta.FindStatusCondition(after.Conditions, v1alpha1.ConditionMailReady)
	switch {
	case is == nil || was != nil && was.Reason == is.Reason:
		return event.Event{}, false
	case is.Status == metav1.ConditionFalse:
		return event.Warning(is.Reason, "Mail", is.Message), true
	case is.Status == metav1.ConditionUnknown, was == nil: // nothing is known, or all is well from the start
		return event.Event{}, false
	default:
		return event.Normal("MailReady", "Mail", is.Message), true
	}
}
