package program

import (
	"cmp"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

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

// Hinder sets Stalled or Reconciling, whichever fits, and takes the other away. Only what an object is made of, or what is
// wrong, may hinder it: see docs/decisions/0195-readiness-never-waits-for-what-is-above.md.
func (u Unresolved) Hinder(set v1alpha1.ConditionSetter) {
	is, isNot := v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled
	if Stuck(u.Reason) {
		is, isNot = isNot, is
	}
	set.True(is, u.Reason, u.Message)
	set.Remove(isNot)
}

// Limit sets Ready to True: the object does what it is for, without what is missing. Reason and message are those that
// Ready has while nothing is missing; a reason that says more than Ready stays.
func (u Unresolved) Limit(set v1alpha1.ConditionSetter, reason, message string) {
	if reason == v1alpha1.ReasonReady {
		reason = u.Reason
	}
	set.True(v1alpha1.ConditionReady, reason, message+"; "+u.Message)
	set.Remove(v1alpha1.ConditionReconciling)
	set.Remove(v1alpha1.ConditionStalled)
}

// weigh tells apart what hinders an object, since it is wrong, and what only limits it, since it is missing: the first of
// each; nil: nothing.
func weigh(problems ...*Unresolved) (hinders, limits *Unresolved) {
	for _, problem := range problems {
		switch {
		case problem == nil:
		case Stuck(problem.Reason):
			hinders = cmp.Or(hinders, problem)
		default:
			limits = cmp.Or(limits, problem)
		}
	}
	return hinders, limits
}
