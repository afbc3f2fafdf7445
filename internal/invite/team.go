package invite

import (
	"fmt"
	"slices"
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/partnership"
	"github.com/partner-operator/partner-operator/internal/program"
	"github.com/partner-operator/partner-operator/internal/team"
)

// Recipient is whom the mail of an invite goes to: the contact, or the owner of the team that the invite names. Its email
// is empty while that does not exist.
func Recipient(i *v1alpha1.PartnerInvite, of *v1alpha1.PartnerTeam) v1alpha1.TeamOwner {
	switch contact := i.Spec.Contact; {
	case contact.Email != "":
		return v1alpha1.TeamOwner{Email: contact.Email, FirstName: contact.FirstName, LastName: contact.LastName}
	case i.Spec.TeamRef != nil && of != nil:
		return of.CurrentOwner()
	default:
		return v1alpha1.TeamOwner{}
	}
}

// TeamTitle is how people call the team that an invite is about; empty: it is about none.
func TeamTitle(i *v1alpha1.PartnerInvite, of *v1alpha1.PartnerTeam) string {
	switch {
	case i.Spec.Team != nil && i.Spec.Team.DisplayName != "":
		return string(i.Spec.Team.DisplayName)
	case i.Spec.Team == nil && of != nil && i.Spec.TeamRef != nil:
		return string(of.Spec.DisplayName)
	default:
		return i.TeamName()
	}
}

// noTeam returns the problem that the existing team that an invite names does not exist, or nil.
func noTeam(in Input) *program.Unresolved {
	if in.Invite.Spec.TeamRef == nil || in.Team != nil {
		return nil
	}
	return program.TeamMissing(in.Invite.Spec.TeamRef.Name, in.TeamInvited, "create it and the invite goes on")
}

// MakesTeam tells whether one of the invites that are about a team is open and makes it.
func MakesTeam(about []v1alpha1.PartnerInvite, now time.Time) bool {
	return slices.ContainsFunc(about, func(i v1alpha1.PartnerInvite) bool { return i.Spec.Team != nil && IsOpen(&i, now) })
}

// PartnershipNames are the names that the partnerships of an invite to a new team can have. Those of people cannot be known
// before they are there.
func PartnershipNames(i *v1alpha1.PartnerInvite) (names []string) {
	if i.Spec.Team == nil {
		return nil
	}
	for _, grant := range i.Offers() {
		spec := v1alpha1.PartnershipSpec{TeamRef: &v1alpha1.TeamReference{Name: i.Spec.Team.Name}, ProgramRef: v1alpha1.ProgramReference{Name: grant.Name}}
		names = append(names, partnership.Names(spec, "")...)
	}
	return names
}

// IsOpen tells whether an invite can still be accepted, or will be able to be once it has left.
func IsOpen(i *v1alpha1.PartnerInvite, now time.Time) bool {
	return i.DeletionTimestamp.IsZero() && isOpen(i.Status, now)
}

// TeamAnnotation stands on a team that came from accepting an invite; its value is the UID of that. A team of the same
// name that somebody else made is not taken over.
const TeamAnnotation = "partner-operator.io/invite-uid"

// TeamTaken reports whether the team that accepting an invite would make exists, and is not of that invite. Anybody who may
// write teams can set the annotation, so the first owner, which cannot be changed, has to be the invited person as well.
func TeamTaken(i *v1alpha1.PartnerInvite, existing *v1alpha1.PartnerTeam) bool {
	return i.Spec.Team != nil && existing != nil &&
		(existing.Annotations[TeamAnnotation] != string(i.UID) || !address.Equal(string(existing.Spec.Owner.Email), string(i.Spec.Contact.Email)))
}

func teamExists(t *v1alpha1.PartnerTeam) string {
	return fmt.Sprintf("PartnerTeam %q exists; to invite it into programs, create an invite with teamRef, or delete it and ask for a resend", t.Name)
}

// MayAccept tells whether an address is of somebody who may accept an invite: the invited person, or for a team its
// owner or an admin.
func MayAccept(i *v1alpha1.PartnerInvite, of *v1alpha1.PartnerTeam, email string) bool {
	if i.Spec.TeamRef == nil {
		return address.Equal(string(i.Spec.Contact.Email), email)
	}
	return of != nil && team.Can(of, email, team.JoinPrograms)
}

// Proposed are the people whom an invite proposes for a team, each once.
func Proposed(i *v1alpha1.PartnerInvite) []v1alpha1.ProposedMember {
	if i.Spec.Team != nil {
		return team.Distinct(i.Spec.Team.Members)
	}
	return team.Distinct(i.Spec.Members)
}

// Approved are those of the proposed people whom the owner approved when accepting.
func Approved(i *v1alpha1.PartnerInvite) []v1alpha1.ProposedMember {
	return slices.DeleteFunc(Proposed(i), func(p v1alpha1.ProposedMember) bool {
		m := memberOf(i.Status.Members, string(p.Email))
		return m == nil || m.Reason == v1alpha1.MemberReasonStruck
	})
}

// Choose records which of the proposed people the owner approves when accepting for a new team. It is written together
// with the answer.
func Choose(i *v1alpha1.PartnerInvite, approved []string) {
	i.Status.Members = nil
	for _, p := range Proposed(i) {
		m := v1alpha1.InviteMember{Email: p.Email, State: v1alpha1.MemberRejected, Reason: v1alpha1.MemberReasonStruck}
		if slices.ContainsFunc(approved, func(email string) bool { return address.Equal(email, string(p.Email)) }) {
			m.State, m.Reason = v1alpha1.MemberInvited, v1alpha1.MemberReasonApproved
		}
		i.Status.Members = append(i.Status.Members, m)
	}
}

func memberOf(members []v1alpha1.InviteMember, email string) *v1alpha1.InviteMember {
	i := slices.IndexFunc(members, func(m v1alpha1.InviteMember) bool { return address.Equal(string(m.Email), email) })
	if i < 0 {
		return nil
	}
	return &members[i]
}

// Mirror takes over from a team what became of the people whom an invite brought into it. Who came into the team in
// another way since, or was forgotten, stays as last told.
func Mirror(status *v1alpha1.PartnerInviteStatus, i *v1alpha1.PartnerInvite, of *v1alpha1.PartnerTeam, now time.Time) {
	if of == nil {
		return
	}
	for n := range status.Members {
		told := &status.Members[n]
		m := team.Member(of, string(told.Email))
		if m == nil || told.State == "" || !team.ProposedBy(m, i) {
			continue
		}
		if told.State != m.State || told.Reason != v1alpha1.MemberReasonTeamDeclined && told.Reason != v1alpha1.MemberReasonNotInTeam {
			told.State, told.Reason = m.State, ""
		}
		switch {
		case team.Expired(m, now):
			told.Reason = v1alpha1.MemberReasonExpired
		case m.State == v1alpha1.MemberInvited && team.MailFailed(of, m):
			told.Reason = v1alpha1.MemberReasonMailFailed
		}
	}
}
