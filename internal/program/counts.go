package program

import "github.com/partner-operator/partner-operator/api/v1alpha1"

// Counts is what a program's status tells of what is in it.
type Counts struct {
	Groups       int
	Partnerships v1alpha1.PartnershipCounts
	Invites      v1alpha1.InviteCounts
}

// CountPartnerships tells how many partnerships stand where. One that was not looked at yet stands nowhere.
func CountPartnerships(partnerships []v1alpha1.Partnership) v1alpha1.PartnershipCounts {
	var counts v1alpha1.PartnershipCounts
	of := map[v1alpha1.PartnershipState]*int32{
		v1alpha1.PartnershipInvited:  &counts.Invited,
		v1alpha1.PartnershipPending:  &counts.Pending,
		v1alpha1.PartnershipActive:   &counts.Active,
		v1alpha1.PartnershipRevoked:  &counts.Revoked,
		v1alpha1.PartnershipRejected: &counts.Rejected,
		v1alpha1.PartnershipExpired:  &counts.Expired,
		v1alpha1.PartnershipConflict: &counts.Conflict,
	}
	tally(partnerships, func(p *v1alpha1.Partnership) v1alpha1.PartnershipState { return p.Status.State }, of)
	return counts
}

// CountInvites tells how many invites stand where. One that was not looked at yet is pending.
func CountInvites(invites []v1alpha1.PartnerInvite) v1alpha1.InviteCounts {
	var counts v1alpha1.InviteCounts
	of := map[v1alpha1.InviteState]*int32{
		"":                            &counts.Pending,
		v1alpha1.InvitePending:        &counts.Pending,
		v1alpha1.InviteHeld:           &counts.Held,
		v1alpha1.InviteSent:           &counts.Sent,
		v1alpha1.InviteAccepted:       &counts.Accepted,
		v1alpha1.InviteDeclined:       &counts.Declined,
		v1alpha1.InviteExpired:        &counts.Expired,
		v1alpha1.InviteFailed:         &counts.Failed,
		v1alpha1.InviteAlreadyPartner: &counts.AlreadyPartner,
		v1alpha1.InviteRefused:        &counts.Refused,
	}
	tally(invites, func(i *v1alpha1.PartnerInvite) v1alpha1.InviteState { return i.Status.State }, of)
	return counts
}

// tally adds one to the count of each object's state, if it has one.
func tally[T any, S comparable](objects []T, state func(*T) S, counts map[S]*int32) {
	for i := range objects {
		if count := counts[state(&objects[i])]; count != nil {
			*count++
		}
	}
}
