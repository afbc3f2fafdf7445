package program

import "github.com/partner-operator/partner-operator/api/v1alpha1"

// Unresolved tells which reference cannot be followed, with the reason and the remedy.
type Unresolved struct {
	// Reason is one of the reasons of ResolvedRefs, or of what makes Ready False besides.
	Reason string
	// Message names what is missing and what to do.
	Message string
}

// Stuck tells whether what a reason of ResolvedRefs stands for stays until somebody changes what is there: it is not
// missing, it is wrong. What is missing may be on its way.
func Stuck(reason string) bool {
	switch reason {
	case v1alpha1.ReasonGroupNotInProgram, v1alpha1.ReasonTemplateInvalid, v1alpha1.ReasonTooManyPrograms, v1alpha1.ReasonNameTaken,
		v1alpha1.ReasonTeamExists:
		return true
	default:
		return false
	}
}

// Hinder sets Stalled or Reconciling, whichever fits, and takes the other away.
func (u Unresolved) Hinder(set v1alpha1.ConditionSetter) {
	is, isNot := v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled
	if Stuck(u.Reason) {
		is, isNot = isNot, is
	}
	set.True(is, u.Reason, u.Message)
	set.Remove(isNot)
}
