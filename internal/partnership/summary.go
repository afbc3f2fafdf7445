package partnership

import (
	"fmt"
	"strings"
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/program"
)

// summarize sets the conditions that follow from the state and from what cannot be resolved.
func (d *Decision) summarize(in Input, unresolved *program.Unresolved) {
	set := setter(in.Partnership, &d.Status, in.Now)
	reason, message, stuck := d.standing(in, unresolved)
	if inForce(reason) {
		set.True(v1alpha1.ConditionActive, reason, message)
	} else {
		set.False(v1alpha1.ConditionActive, reason, message)
	}
	if unresolved == nil {
		set.True(v1alpha1.ConditionResolvedRefs, v1alpha1.ReasonResolvedRefs, "everything that the spec names exists")
	} else {
		set.False(v1alpha1.ConditionResolvedRefs, unresolved.Reason, unresolved.Message)
	}
	switch {
	case stuck != nil:
		set.False(v1alpha1.ConditionReady, stuck.reason, stuck.message)
		set.True(v1alpha1.ConditionStalled, stuck.reason, stuck.message)
		set.Remove(v1alpha1.ConditionReconciling)
	case unresolved != nil:
		unresolved.Block(set)
	default:
		if reason == v1alpha1.ReasonProgramSuspended {
			message = "the program is suspended"
		}
		set.True(v1alpha1.ConditionReady, string(d.Status.State), message)
		set.Remove(v1alpha1.ConditionReconciling)
		set.Remove(v1alpha1.ConditionStalled)
	}
}

// standing is the reason and the message of Active, and what is in the way until somebody changes something.
func (d *Decision) standing(in Input, unresolved *program.Unresolved) (reason, message string, stuck *problem) {
	spec := in.Partnership.Spec
	switch d.Status.State {
	case v1alpha1.PartnershipConflict:
		message = fmt.Sprintf("Partnership %q of the same partner in this program is older and counts; delete one of the two", Older(in.Partnership, in.Rivals).Name)
		return v1alpha1.ReasonConflict, message, &problem{v1alpha1.ReasonConflict, message}
	case v1alpha1.PartnershipRevoked:
		return v1alpha1.ReasonRevoked, withWords("the company ended access", spec.Revocation.Reason), nil
	case v1alpha1.PartnershipExpired:
		end, ok := spec.ValidUntil.Time()
		if !ok {
			return v1alpha1.ReasonUnreadable, in.Partnership.Problem(), &problem{v1alpha1.ReasonUnreadable, in.Partnership.Problem()}
		}
		return v1alpha1.ReasonExpired, "the partnership ended at " + end.UTC().Format(time.RFC3339) + "; extend validUntil to restore it", nil
	case v1alpha1.PartnershipRejected:
		return v1alpha1.ReasonRejected, withWords("the company decided against the partner", spec.Approval.Note), nil
	case v1alpha1.PartnershipInvited:
		message, stuck = d.invitation(in)
		return v1alpha1.ReasonInvited, message, stuck
	case v1alpha1.PartnershipPending:
		reason, message = pending(in.Partnership)
		return reason, message, nil
	default:
		reason, message = active(in, unresolved)
		return reason, message, nil
	}
}

// pending is the reason and the message of Active in the state of that name.
func pending(p *v1alpha1.Partnership) (reason, message string) {
	const waits = "waits for the company's decision in spec.approval"
	if team := joiningTeam(p); team != "" {
		return v1alpha1.ReasonJoiningTeam, fmt.Sprintf("the company sent the applicant on to PartnerTeam %q, whose owner and admins decide; leave joinTeamRef out of spec.approval to make them a partner in their own right", team)
	}
	if openAgain(p) {
		return v1alpha1.ReasonPending, "the person applied again after a rejection, see status.reapplication; " + waits + ": approve, or reject with another note"
	}
	teams := p.Spec.Application.MatchingTeams
	if len(teams) == 0 {
		return v1alpha1.ReasonPending, waits
	}
	names := make([]string, 0, len(teams))
	for _, team := range teams {
		names = append(names, fmt.Sprintf("%q", team.Name))
	}
	if len(teams) > 1 {
		return v1alpha1.ReasonPending, waits + "; the mail address has the domain of several teams: " + strings.Join(names, ", ")
	}
	return v1alpha1.ReasonDomainMatched, fmt.Sprintf("the mail address has the domain of PartnerTeam %s; %s: approve, with joinTeamRef to send the applicant on to the team", names[0], waits)
}

// active is the reason and the message of Active in the state of that name.
func active(in Input, unresolved *program.Unresolved) (reason, message string) {
	switch {
	case suspended(in):
		return v1alpha1.ReasonProgramSuspended, fmt.Sprintf("Program %q is suspended; access comes back when that ends", in.Partnership.Spec.ProgramRef.Name)
	case unresolved != nil && (unresolved.Reason == v1alpha1.ReasonProgramNotFound || in.Partnership.Spec.TeamRef != nil && in.Team == nil):
		return unresolved.Reason, unresolved.Message
	case in.Partnership.Spec.PortalAccess == v1alpha1.PortalAccessDisabled:
		return v1alpha1.ReasonPortalAccessDisabled, "the partnership is in force; portalAccess is Disabled, so the partner cannot sign in"
	default:
		return v1alpha1.ReasonActive, "the partner has access"
	}
}

// inForce tells whether a reason of Active is one for which it is True.
func inForce(reason string) bool {
	return reason == v1alpha1.ReasonActive || reason == v1alpha1.ReasonPortalAccessDisabled
}

func withWords(message, words string) string {
	if words == "" {
		return message
	}
	return message + ": " + words
}
