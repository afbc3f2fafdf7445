// Package partnership holds the rules of a Partnership: who has access, which group is in force, what a revocation
// does. It is pure: what was observed and the time go in, what status should say and what to send come out.
package partnership

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/program"
)

// Input is all that a decision about a partnership depends on.
type Input struct {
	// Partnership is the partnership as observed.
	Partnership *v1alpha1.Partnership
	// Catalog is what exists in its namespace.
	Catalog program.Catalog
	// Team is the team that it names; nil: it names none, or the team does not exist.
	Team *v1alpha1.PartnerTeam
	// MailerConfigured: there is a mail server to send to.
	MailerConfigured bool
	// Holds tells whether mail of a kind is held back; nil: none is.
	Holds func(kind v1alpha1.MailKind) bool
	// Now is the time.
	Now time.Time
}

// Decision is what should be.
type Decision struct {
	// Status is what status should say.
	Status v1alpha1.PartnershipStatus
	// Send names the mail to send. It is claimed in Status: write that, and only if it succeeds send the mail and
	// record the outcome. Empty: none.
	Send v1alpha1.MailKind
	// RequeueAfter is when to look again even if nothing changes; 0: never.
	RequeueAfter time.Duration
}

// Decide tells what should be done about a partnership.
func Decide(in Input) Decision {
	p := in.Partnership
	d := Decision{Status: *p.Status.DeepCopy()}
	d.Status.ObservedGeneration = p.Generation

	var unresolved *program.Unresolved
	d.Status.Group, unresolved = group(in)
	d.carryOutRevocation(in)
	if p.Spec.Revocation == nil && d.Status.ActivatedTime == nil {
		d.Status.ActivatedTime = &metav1.Time{Time: in.Now}
	}
	d.deliver(in)
	d.summarize(in, unresolved)
	return d
}

// group is the group in force and what cannot be resolved.
func group(in Input) (string, *program.Unresolved) {
	spec := in.Partnership.Spec
	if unresolved := in.Catalog.Grant(v1alpha1.ProgramGrant{Name: spec.ProgramRef.Name}); unresolved != nil {
		unresolved.Message = fmt.Sprintf("Program %q does not exist in this namespace; access is refused until it is created again", spec.ProgramRef.Name)
		return in.Partnership.Status.Group, unresolved
	}
	inForce, unresolved := in.Catalog.GroupInForce(spec.ProgramRef.Name, spec.GroupRef, in.Partnership.Status.Group)
	if spec.TeamRef != nil && in.Team == nil {
		unresolved = &program.Unresolved{Reason: v1alpha1.ReasonTeamNotFound, Message: fmt.Sprintf("PartnerTeam %q does not exist in this namespace; create it and its people have access", spec.TeamRef.Name)}
	} else if unresolved != nil {
		unresolved.Message += "; the group in force is " + orNone(inForce)
	}
	return inForce, unresolved
}

// suspended tells whether the program is.
func suspended(in Input) bool {
	p := in.Catalog.Programs[in.Partnership.Spec.ProgramRef.Name]
	return p != nil && p.Spec.Suspend
}

func orNone(group string) string {
	if group == "" {
		return "none"
	}
	return fmt.Sprintf("%q", group)
}

// carryOutRevocation notes a revocation that is new, or that one was lifted.
func (d *Decision) carryOutRevocation(in Input) {
	revocation := in.Partnership.Spec.Revocation
	switch {
	case revocation == nil && d.Status.RevokedTime != nil:
		d.Status.RevokedTime = nil
	case revocation != nil && d.Status.RevokedTime == nil:
		serial := int64(1)
		if d.Status.HandledRevocation != nil {
			serial = d.Status.HandledRevocation.Serial + 1
		}
		createdRevoked := d.Status.State == ""
		d.Status.RevokedTime = &metav1.Time{Time: in.Now}
		EndSessions(&d.Status, in.Now)
		d.Status.HandledRevocation = &v1alpha1.HandledRevocation{Serial: serial}
		notify := revocation.Notify == nil || *revocation.Notify
		Enqueue(&d.Status, v1alpha1.MailRevoked, serial, notify && !createdRevoked)
	}
}

// summarize sets the state and the conditions that follow.
func (d *Decision) summarize(in Input, unresolved *program.Unresolved) {
	p := in.Partnership
	set := v1alpha1.ConditionSetter{Conditions: &d.Status.Conditions, Generation: p.Generation, Now: in.Now}
	message := "the partner has access"
	switch {
	case p.Spec.Revocation != nil:
		d.Status.State = v1alpha1.PartnershipRevoked
		message = "the company ended access"
		if p.Spec.Revocation.Reason != "" {
			message += ": " + p.Spec.Revocation.Reason
		}
		set.False(v1alpha1.ConditionActive, v1alpha1.ReasonRevoked, message)
	case suspended(in):
		d.Status.State = v1alpha1.PartnershipActive
		set.False(v1alpha1.ConditionActive, v1alpha1.ReasonProgramSuspended, fmt.Sprintf("Program %q is suspended; access comes back when that ends", p.Spec.ProgramRef.Name))
	case unresolved != nil && (unresolved.Reason == v1alpha1.ReasonProgramNotFound || unresolved.Reason == v1alpha1.ReasonTeamNotFound):
		d.Status.State = v1alpha1.PartnershipActive
		set.False(v1alpha1.ConditionActive, unresolved.Reason, unresolved.Message)
	default:
		d.Status.State = v1alpha1.PartnershipActive
		set.True(v1alpha1.ConditionActive, v1alpha1.ReasonActive, message)
	}
	if unresolved != nil {
		set.False(v1alpha1.ConditionReady, unresolved.Reason, unresolved.Message)
		set.False(v1alpha1.ConditionResolvedRefs, unresolved.Reason, unresolved.Message)
		set.True(v1alpha1.ConditionReconciling, unresolved.Reason, unresolved.Message)
		return
	}
	if suspended(in) && p.Spec.Revocation == nil {
		message = "the program is suspended"
	}
	set.True(v1alpha1.ConditionReady, string(d.Status.State), message)
	set.True(v1alpha1.ConditionResolvedRefs, v1alpha1.ReasonResolvedRefs, "everything that the spec names exists")
	set.Remove(v1alpha1.ConditionReconciling)
}
