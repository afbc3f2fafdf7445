package team

import (
	"slices"
	"strings"
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
)

// Person is somebody to be brought into a team.
type Person struct {
	Email               v1alpha1.EmailAddress
	FirstName, LastName v1alpha1.LineOfText
	Role                v1alpha1.TeamRole
	// Invite is the PartnerInvite that proposes them. If nil, none does.
	Invite *v1alpha1.ProposalReference
	// ExpiresAfter is how long the link to join works. If empty, MemberLinkLifetime.
	ExpiresAfter v1alpha1.InviteLifetime
	// Partnership is that of an applicant whom the company sent on; empty: they are none.
	Partnership string
}

// Applicant is who applied by a partnership, as a person for a team.
func Applicant(p *v1alpha1.Partnership) Person {
	contact := p.Spec.Contact
	return Person{Email: contact.Email, FirstName: contact.FirstName.Copied(), LastName: contact.LastName.Copied(), Role: member, Partnership: p.Name}
}

// Outcome is what became of a proposal.
type Outcome string

// The outcomes of a proposal; those besides Added are reasons of status.members of an invite.
const (
	// Added: the person waits for approval, or is invited.
	Added Outcome = ""
	// AlreadyMember: the person is in the team.
	AlreadyMember Outcome = v1alpha1.MemberReasonAlreadyMember
	// AlreadyInvited: the person was invited or proposed before.
	AlreadyInvited Outcome = v1alpha1.MemberReasonAlreadyInvited
	// AddressInvalid: no mail can be sent to the address.
	AddressInvalid Outcome = v1alpha1.MemberReasonAddressInvalid
	// Full: there is no room.
	Full Outcome = v1alpha1.MemberReasonTeamFull
	// TeamDeclined: the team said no to the person.
	TeamDeclined Outcome = v1alpha1.MemberReasonTeamDeclined
	// NotInTeam: the person is not in the team any more.
	NotInTeam Outcome = v1alpha1.MemberReasonNotInTeam
)

// Propose puts a person before the owner and the admins, for the company. A proposal that was made before, by the same
// invite, changes nothing, whatever became of it.
func Propose(t *v1alpha1.PartnerTeam, p Person, now time.Time) Outcome {
	m, outcome := admit(t, p, now)
	if m == nil {
		return outcome
	}
	putBefore(t, m)
	return Added
}

// putBefore makes a person wait for the owner and the admins, who are asked with new links.
func putBefore(t *v1alpha1.PartnerTeam, m *v1alpha1.TeamMember) {
	m.State, m.Serial, m.WrongAddresses = v1alpha1.MemberAwaitingApproval, nextSerial(t), 0
	m.ApprovalSerial = m.Serial
	m.AskedTime, m.InvitedTime, m.SentTime, m.ExpiryTime, m.EndedTime = nil, nil, nil, nil, nil
	count(t)
}

// ProposeAgain carries out that an invite is sent again, for one of its people. The serial is that of the invite then; it is
// carried out once. What the team approved counts; the other links about the person are dead.
func ProposeAgain(t *v1alpha1.PartnerTeam, p Person, serial int64, now time.Time) Outcome {
	m := Member(t, string(p.Email))
	ours := m != nil && m.InviteRef != nil && p.Invite != nil && m.InviteRef.Name == p.Invite.Name
	switch {
	case m == nil:
		return NotInTeam
	case ours && m.InviteSerial >= serial:
		return Added
	case m.State == v1alpha1.MemberActive:
		return AlreadyMember
	case m.State == v1alpha1.MemberRejected:
		return TeamDeclined
	case m.State == v1alpha1.MemberRemoved:
		return NotInTeam
	case !ours:
		return AlreadyInvited
	}
	m.InviteRef, m.InviteSerial, m.ExpiresAfter = p.Invite.DeepCopy(), serial, p.ExpiresAfter
	if m.State == v1alpha1.MemberAwaitingApproval {
		putBefore(t, m)
	} else {
		invite(t, m, now)
	}
	return Added
}

// TakeBack takes the people out who have not joined, and whom a PartnerInvite proposed that is gone.
func TakeBack(t *v1alpha1.PartnerTeam, gone []string, now time.Time) {
	for i := range t.Status.Members {
		m := &t.Status.Members[i]
		if underWay(m) && slices.Contains(gone, m.InviteRef.UID) {
			end(t, m, now)
		}
	}
}

// Proposals are the PartnerInvites of which the people have yet to be approved or to join. Those without a UID are not
// among them: what they proposed is not withdrawn.
func Proposals(t *v1alpha1.PartnerTeam) (proposals []v1alpha1.ProposalReference) {
	for i := range t.Status.Members {
		m := &t.Status.Members[i]
		if underWay(m) && !slices.Contains(proposals, *m.InviteRef) {
			proposals = append(proposals, *m.InviteRef)
		}
	}
	return proposals
}

// underWay tells whether a person has yet to join, by a PartnerInvite that can be withdrawn.
func underWay(m *v1alpha1.TeamMember) bool {
	return m.InviteRef != nil && m.InviteRef.UID != "" && (m.State == v1alpha1.MemberAwaitingApproval || m.State == v1alpha1.MemberInvited)
}

// Welcome invites a person whom the owner approved when accepting for a new team.
func Welcome(t *v1alpha1.PartnerTeam, p Person, now time.Time) Outcome {
	m, outcome := admit(t, p, now)
	if m == nil {
		return outcome
	}
	invite(t, m, now)
	return Added
}

// admit finds the place of a person whom the company wants in the team; nil: there is none, and why, or it was done
// before.
func admit(t *v1alpha1.PartnerTeam, p Person, now time.Time) (*v1alpha1.TeamMember, Outcome) {
	if _, err := address.Deliverable(string(p.Email)); err != nil {
		return nil, AddressInvalid
	}
	m := Member(t, string(p.Email))
	switch {
	case m == nil:
		if !room(t) {
			return nil, Full
		}
		t.Status.Members = append(t.Status.Members, v1alpha1.TeamMember{})
		m = &t.Status.Members[len(t.Status.Members)-1]
	case proposedAs(m, p.Invite), ProposedFor(m, p.Partnership):
		return nil, Added
	case m.State == v1alpha1.MemberActive:
		return nil, AlreadyMember
	case !over(m.State) && !Expired(m, now):
		return nil, AlreadyInvited
	}
	m.Email, m.FirstName, m.LastName, m.Role, m.Source = p.Email, p.FirstName, p.LastName, p.Role, v1alpha1.MemberFromCompany
	m.InviteRef, m.InviteSerial, m.ExpiresAfter, m.PartnershipRef = p.Invite.DeepCopy(), 0, p.ExpiresAfter, nil
	if p.Partnership != "" {
		m.PartnershipRef = &v1alpha1.PartnershipReference{Name: p.Partnership}
	}
	return m, Added
}

// ProposedBy reports whether a person came by a PartnerInvite. One that was restored has another UID, and its status.
func ProposedBy(m *v1alpha1.TeamMember, i *v1alpha1.PartnerInvite) bool {
	return proposedAs(m, &v1alpha1.ProposalReference{Name: i.Name, UID: string(i.UID)}) || i.Status.Serial > 0 && m.InviteRef != nil && m.InviteRef.Name == i.Name
}

// proposedAs reports whether a person came by the PartnerInvite of a reference. If one of the two has no UID, the name counts.
func proposedAs(m *v1alpha1.TeamMember, ref *v1alpha1.ProposalReference) bool {
	return m.InviteRef != nil && ref != nil && m.InviteRef.Name == ref.Name && (m.InviteRef.UID == "" || ref.UID == "" || m.InviteRef.UID == ref.UID)
}

// ProposedFor tells whether a person came as the applicant of a Partnership.
func ProposedFor(m *v1alpha1.TeamMember, partnership string) bool {
	return m.PartnershipRef != nil && m.PartnershipRef.Name == partnership
}

// PersonOf is a proposed member as a person.
func PersonOf(p v1alpha1.ProposedMember, invite *v1alpha1.ProposalReference) Person {
	role := v1alpha1.TeamRole(p.Role)
	if !assignable(role) {
		role = member
	}
	return Person{Email: p.Email, FirstName: p.FirstName.Copied(), LastName: p.LastName.Copied(), Role: role, Invite: invite}
}

// Distinct leaves out who is named twice, whatever the case; the first counts.
func Distinct(proposed []v1alpha1.ProposedMember) []v1alpha1.ProposedMember {
	seen := map[string]bool{}
	var once []v1alpha1.ProposedMember
	for _, p := range proposed {
		key := address.Normalize(strings.TrimSpace(string(p.Email)))
		if !seen[key] {
			seen[key] = true
			once = append(once, p)
		}
	}
	return once
}
