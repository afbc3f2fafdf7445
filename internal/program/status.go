package program

import (
	"fmt"
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// MailHealth is what is known of the way to the mail server.
type MailHealth struct {
	// Reason is a reason of MailReady; empty: nothing is known yet.
	Reason string
	// Message is what the mail server said, for people.
	Message string
}

// Status is what a program's status should say, given what is in it, and what is wrong with its template; nil: nothing.
func Status(p *v1alpha1.Program, catalog Catalog, template *Unresolved, mail MailHealth, counts Counts, now time.Time) v1alpha1.ProgramStatus {
	status := *p.Status.DeepCopy()
	status.ObservedGeneration = p.Generation
	status.Groups, status.Partnerships, status.Invites = int32(counts.Groups), &counts.Partnerships, &counts.Invites //nolint:gosec // no namespace holds that many
	hinders, limits := weigh(defaultGroup(p, catalog), template)
	reason, message := v1alpha1.ReasonReady, "partners can be invited"
	if p.Spec.Suspend {
		reason, message = v1alpha1.ReasonSuspended, "the program is suspended: nothing is mailed and nobody has access, until that ends"
	}
	set := v1alpha1.ConditionSetter{Conditions: &status.Conditions, Generation: p.Generation, Now: now}
	setConditions(set, hinders, limits, reason, message)
	switch mail.Reason {
	case "":
		set.Observe(v1alpha1.ConditionMailReady)
	case v1alpha1.ReasonReady:
		set.True(v1alpha1.ConditionMailReady, mail.Reason, mail.Message)
	case v1alpha1.ReasonSignedIn:
		set.Unknown(v1alpha1.ConditionMailReady, mail.Reason, mail.Message)
	default:
		set.False(v1alpha1.ConditionMailReady, mail.Reason, mail.Message)
	}
	return status
}

// GroupStatus is what a group's status should say, given who is in it, and what is wrong with its template; nil: nothing.
func GroupStatus(g *v1alpha1.PartnerGroup, catalog Catalog, template *Unresolved, partnerships v1alpha1.PartnershipCounts, now time.Time) v1alpha1.PartnerGroupStatus {
	status := *g.Status.DeepCopy()
	status.ObservedGeneration = g.Generation
	status.Partnerships = &partnerships
	hinders, limits := weigh(template)
	if missing := catalog.Grant(v1alpha1.ProgramGrant{Name: g.Spec.ProgramRef.Name}); missing != nil { // a group of nothing does nothing
		hinders = missing
	}
	set := v1alpha1.ConditionSetter{Conditions: &status.Conditions, Generation: g.Generation, Now: now}
	setConditions(set, hinders, limits, v1alpha1.ReasonReady, fmt.Sprintf("the group divides Program %q", g.Spec.ProgramRef.Name))
	return status
}

// defaultGroup is what is wrong with a program's default group; nil: nothing, or it names none.
func defaultGroup(p *v1alpha1.Program, catalog Catalog) *Unresolved {
	if p.Spec.DefaultGroupRef == nil {
		return nil
	}
	unresolved := catalog.group(p.Name, p.Spec.DefaultGroupRef.Name)
	if unresolved != nil {
		unresolved.Message = "defaultGroupRef: " + unresolved.Message + "; until then partners without a group of their own are in none"
	}
	return unresolved
}

// setConditions sets ResolvedRefs, Ready, Reconciling and Stalled, which for programs and groups all tell of their
// references: of what hinders them and of what limits them; nil: nothing does. Reason and message are those of Ready while
// nothing does.
func setConditions(set v1alpha1.ConditionSetter, hinders, limits *Unresolved, reason, message string) {
	if missing := firstMissing(hinders, limits); missing != nil {
		set.False(v1alpha1.ConditionResolvedRefs, missing.Reason, missing.Message)
	} else {
		set.True(v1alpha1.ConditionResolvedRefs, v1alpha1.ReasonResolvedRefs, "everything that the spec names exists")
	}
	switch {
	case hinders != nil:
		set.False(v1alpha1.ConditionReady, hinders.Reason, hinders.Message)
		hinders.Hinder(set)
	case limits != nil:
		limits.Limit(set, reason, message)
	default:
		set.True(v1alpha1.ConditionReady, reason, message)
		set.Remove(v1alpha1.ConditionReconciling)
		set.Remove(v1alpha1.ConditionStalled)
	}
}

// firstMissing is the first of the problems that ResolvedRefs tells of; nil: none. A template that is no good exists.
func firstMissing(problems ...*Unresolved) *Unresolved {
	for _, problem := range problems {
		if problem != nil && problem.Reason != v1alpha1.ReasonTemplateInvalid {
			return problem
		}
	}
	return nil
}
