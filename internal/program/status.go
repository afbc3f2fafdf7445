package program

import (
	"cmp"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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
	var unresolved *Unresolved
	if ref := p.Spec.DefaultGroupRef; ref != nil {
		if unresolved = catalog.group(p.Name, ref.Name); unresolved != nil {
			unresolved.Message = "defaultGroupRef: " + unresolved.Message + "; until then partners without a group of their own are in none"
		}
	}
	reason, message := v1alpha1.ReasonReady, "partners can be invited"
	if p.Spec.Suspend {
		reason, message = v1alpha1.ReasonSuspended, "the program is suspended: nothing is mailed and nobody has access, until that ends"
	}
	setConditions(&status.Conditions, p.Generation, now, cmp.Or(unresolved, template), reason, message)
	set := v1alpha1.ConditionSetter{Conditions: &status.Conditions, Generation: p.Generation, Now: now}
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
	unresolved := catalog.Grant(v1alpha1.ProgramGrant{Name: g.Spec.ProgramRef.Name})
	setConditions(&status.Conditions, g.Generation, now, cmp.Or(unresolved, template), v1alpha1.ReasonReady, fmt.Sprintf("the group divides Program %q", g.Spec.ProgramRef.Name))
	return status
}

// setConditions sets ResolvedRefs, Ready, Reconciling and Stalled, which for programs and groups all tell of their
// references. Reason and message are those of Ready while nothing is in the way.
func setConditions(conditions *[]metav1.Condition, generation int64, now time.Time, unresolved *Unresolved, reason, message string) {
	set := v1alpha1.ConditionSetter{Conditions: conditions, Generation: generation, Now: now}
	if unresolved == nil || unresolved.Reason == v1alpha1.ReasonTemplateInvalid { // it exists, and is no good
		set.True(v1alpha1.ConditionResolvedRefs, v1alpha1.ReasonResolvedRefs, "everything that the spec names exists")
	} else {
		set.False(v1alpha1.ConditionResolvedRefs, unresolved.Reason, unresolved.Message)
	}
	if unresolved == nil {
		set.True(v1alpha1.ConditionReady, reason, message)
		set.Remove(v1alpha1.ConditionReconciling)
		set.Remove(v1alpha1.ConditionStalled)
		return
	}
	set.False(v1alpha1.ConditionReady, unresolved.Reason, unresolved.Message)
	unresolved.Hinder(set)
}
