package partnership

import (
	"time"

	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/signin"
)

// State is where a partnership stands: by the wishes in spec, by the facts in status, and by the time. It does not ask
// status.state, so that whatever ends access counts from the moment it is seen, whether or not a controller is there to
// act on it. Rivals are partnerships of the namespace, this one or others; only those of the same partner in the same
// program matter.
func State(p *v1alpha1.Partnership, rivals []v1alpha1.Partnership, now time.Time) v1alpha1.PartnershipState {
	if Older(p, rivals) != nil {
		return v1alpha1.PartnershipConflict
	}
	return alone(p, now)
}

// alone is the state of a partnership that no other one stands in the way of. What ends access goes before what it
// takes to get it, so that lifting the former gives back exactly what was before.
func alone(p *v1alpha1.Partnership, now time.Time) v1alpha1.PartnershipState {
	switch {
	case p.Spec.Revocation != nil:
		return v1alpha1.PartnershipRevoked
	case p.Spec.ValidUntil.HasPassed(now), !p.IsReadable():
		return v1alpha1.PartnershipExpired
	case decision(p) == v1alpha1.ApprovalRejected:
		return v1alpha1.PartnershipRejected
	case p.Spec.Invitation == v1alpha1.InvitationSend && !agreed(p):
		return v1alpha1.PartnershipInvited
	case joiningTeam(p) != "" && p.Status.State == v1alpha1.PartnershipActive: // see next
		return v1alpha1.PartnershipActive
	case openAgain(p) || joiningTeam(p) != "" || needsApproval(p) && decision(p) != v1alpha1.ApprovalApproved:
		return v1alpha1.PartnershipPending
	default:
		return v1alpha1.PartnershipActive
	}
}

// next returns the state that follows from what exists now. A partner who has access keeps it until the team that they are
// sent on to is found, so that a misspelt name takes nothing away.
func next(in Input) v1alpha1.PartnershipState {
	state := State(in.Partnership, in.Rivals, in.Now)
	if state == v1alpha1.PartnershipActive && joiningTeam(in.Partnership) != "" && in.JoinTeam != nil {
		return v1alpha1.PartnershipPending
	}
	return state
}

// agreed tells whether the person is known to want the partnership. It counts only where that is asked for.
func agreed(p *v1alpha1.Partnership) bool {
	return p.Status.Acceptance != nil || p.Spec.Source == v1alpha1.SourceInvite || p.Spec.Source == v1alpha1.SourceJoinLink
}

// needsApproval tells whether the company has to approve before the partner has access. What the partnership says itself
// goes first, so that it survives the loss of status; an application is never a grant.
func needsApproval(p *v1alpha1.Partnership) bool {
	switch {
	case p.Spec.Onboarding != "":
		return p.Spec.Onboarding == v1alpha1.OnboardingApproval
	case p.Spec.Source == v1alpha1.SourceJoinLink:
		return true
	default:
		return p.Status.Acceptance != nil && p.Status.Acceptance.Onboarding == v1alpha1.OnboardingApproval
	}
}

// decision is what the company decided about the person as a partner in their own right; empty: nothing, or nothing yet
// about the application after a rejection.
func decision(p *v1alpha1.Partnership) v1alpha1.ApprovalDecision {
	if p.Spec.Approval == nil || openAgain(p) || joiningTeam(p) != "" {
		return ""
	}
	return p.Spec.Approval.Decision
}

// openAgain tells whether a person who was rejected has applied again, and waits for a new decision: spec.approval says
// what it said then, and no other decision was carried out since.
func openAgain(p *v1alpha1.Partnership) bool {
	again, handled := p.Status.Reapplication, p.Status.HandledApproval
	if again == nil || p.Spec.Approval == nil || handled != nil && handled.Serial != again.ApprovalSerial {
		return false
	}
	return equality.Semantic.DeepEqual(*p.Spec.Approval, again.Approval)
}

// joiningTeam is the team that the company sent the person on to; empty: none.
func joiningTeam(p *v1alpha1.Partnership) string {
	if approval := p.Spec.Approval; approval != nil && approval.Decision == v1alpha1.ApprovalApproved && approval.JoinTeamRef != nil {
		return approval.JoinTeamRef.Name
	}
	return ""
}

// Older finds the partnership that counts in place of this one: the oldest of the same partner in the same program. Nil:
// this one counts. One that is being deleted counts no more.
func Older(p *v1alpha1.Partnership, rivals []v1alpha1.Partnership) *v1alpha1.Partnership {
	first := p
	for i := range rivals {
		rival := &rivals[i]
		if rival.Name != p.Name && rival.DeletionTimestamp.IsZero() && goesFirst(rival, first) && SamePartner(rival, p) {
			first = rival
		}
	}
	if first == p {
		return nil
	}
	return first
}

// InProgram finds the one partnership that counts in a program, of those of one partner; nil: there is none.
func InProgram(partnerships []v1alpha1.Partnership, program string) *v1alpha1.Partnership {
	var first *v1alpha1.Partnership
	for i := range partnerships {
		p := &partnerships[i]
		if p.Spec.ProgramRef.Name == program && p.DeletionTimestamp.IsZero() && (first == nil || goesFirst(p, first)) {
			first = p
		}
	}
	return first
}

// goesFirst puts two partnerships in the order in which they count, the same for all who ask.
func goesFirst(a, b *v1alpha1.Partnership) bool {
	if order := a.CreationTimestamp.Compare(b.CreationTimestamp.Time); order != 0 {
		return order < 0
	}
	return a.Name < b.Name
}

// IsOf tells whether a partnership is that of the person with an address.
func IsOf(p *v1alpha1.Partnership, email string) bool {
	return p.Spec.Contact != nil && address.Equal(string(p.Spec.Contact.Email), email)
}

// SamePartner tells whether two partnerships are of one partner, a person or a team, in one program.
func SamePartner(a, b *v1alpha1.Partnership) bool {
	switch {
	case a.Spec.ProgramRef != b.Spec.ProgramRef:
		return false
	case a.Spec.Contact != nil && b.Spec.Contact != nil:
		return address.Equal(string(a.Spec.Contact.Email), string(b.Spec.Contact.Email))
	default:
		return a.Spec.TeamRef != nil && b.Spec.TeamRef != nil && *a.Spec.TeamRef == *b.Spec.TeamRef
	}
}

// Shut tells whether a partnership that counts is closed to a person who would accept an invite into it: access was
// ended, or, while they have yet to accept, the portal is closed to them. Their link is not spent by that.
func Shut(p *v1alpha1.Partnership, now time.Time) bool {
	switch alone(p, now) {
	case v1alpha1.PartnershipRevoked, v1alpha1.PartnershipExpired, v1alpha1.PartnershipRejected:
		return true
	case v1alpha1.PartnershipInvited:
		return p.Spec.PortalAccess == v1alpha1.PortalAccessDisabled
	default:
		return false
	}
}

// Accepted records that the person accepted an invite into a partnership. Policy is the program's onboarding.invited at
// that time; it counts where the company invited the person, and not where the partnership was granted anyway. It must
// be written with the resourceVersion that was judged. It is false, and changes nothing, if nothing is to be recorded.
func Accepted(p *v1alpha1.Partnership, inviteName string, policy v1alpha1.OnboardingPolicy, at time.Time) bool {
	if agreed(p) {
		return false
	}
	acceptance := &v1alpha1.PartnershipAcceptance{Time: *nowSeconds(at), InviteRef: v1alpha1.InviteReference{Name: inviteName}}
	if p.Spec.Invitation == v1alpha1.InvitationSend {
		acceptance.Onboarding = policy
	}
	p.Status.Acceptance = acceptance
	if p.Spec.Contact != nil { // accepting begins a session, or nearly
		signin.Seen(&p.Status.Access, at)
	}
	return true
}
