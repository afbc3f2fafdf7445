package program

import (
	"cmp"
	"fmt"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// Unresolved tells which reference cannot be followed, with the reason and the remedy.
type Unresolved struct {
	// Reason is one of the reasons of ResolvedRefs, or of what makes Ready False besides.
	Reason string
	// Message names what is missing and what to do.
	Message string
}

// TeamMissing is the problem that a team does not exist. If isInvited, an open invite makes it when the person accepts;
// remedy says what to do otherwise.
func TeamMissing(name string, isInvited bool, remedy string) *Unresolved {
	if isInvited {
		return &Unresolved{v1alpha1.ReasonAwaitingAcceptance, fmt.Sprintf("PartnerTeam %q does not exist yet; it is created when the person who is invited for it accepts", name)}
	}
	return &Unresolved{v1alpha1.ReasonTeamNotFound, fmt.Sprintf("PartnerTeam %q does not exist in this namespace; %s", name, remedy)}
}

// AwaitsAcceptance tells whether a person's answer is all that is waited for. Then Ready is True: see
// docs/decisions/0195-readiness-never-waits-for-what-is-above.md.
func (u Unresolved) AwaitsAcceptance() bool { return u.Reason == v1alpha1.ReasonAwaitingAcceptance }

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

// Block sets Ready for an object that cannot do what it is for before this is resolved: to False, and Stalled or
// Reconciling with it, but for an object that waits for a person's answer alone.
func (u Unresolved) Block(set v1alpha1.ConditionSetter) {
	if !u.AwaitsAcceptance() {
		set.False(v1alpha1.ConditionReady, u.Reason, u.Message)
		u.Hinder(set)
		return
	}
	set.True(v1alpha1.ConditionReady, u.Reason, u.Message)
	set.Remove(v1alpha1.ConditionReconciling)
	set.Remove(v1alpha1.ConditionStalled)
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
