package team

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
)

const (
	// MaxMembers is how many people the status of a team can hold.
	MaxMembers = 200
	// MemberLinkLifetime is how long the link to join a team works.
	MemberLinkLifetime = v1alpha1.DefaultInviteLifetime
	// maxApprovers is how many people of a team are told of what concerns the team as a whole.
	maxApprovers = 10
)

// Founded makes sure that a team has its owner among its members. The first owner is one at once, without being asked:
// the company names them, or they accepted the invite that made the team.
func Founded(t *v1alpha1.PartnerTeam, now time.Time) {
	if t.Status.Owner == nil {
		first := t.Spec.Owner
		t.Status.Owner = &v1alpha1.TeamOwner{Email: first.Email, FirstName: first.FirstName.Copied(), LastName: first.LastName.Copied()}
	}
	if ownerOf(t) == nil {
		first := t.Status.Owner
		t.Status.Members = slices.DeleteFunc(t.Status.Members, func(m v1alpha1.TeamMember) bool { return address.Equal(string(m.Email), string(first.Email)) })
		t.Status.Members = slices.Insert(t.Status.Members, 0, v1alpha1.TeamMember{
			Email: first.Email, FirstName: first.FirstName.Copied(), LastName: first.LastName.Copied(),
			Role: owner, State: v1alpha1.MemberActive, Source: v1alpha1.MemberFromOwner, JoinedTime: seconds(now), OwnLinks: true,
		})
	}
	count(t)
}

// count sums up the members.
func count(t *v1alpha1.PartnerTeam) {
	t.Status.ActiveMembers, t.Status.WaitingApprovals = 0, 0
	for _, m := range t.Status.Members {
		switch m.State {
		case v1alpha1.MemberActive:
			t.Status.ActiveMembers++
		case v1alpha1.MemberAwaitingApproval:
			t.Status.WaitingApprovals++
		default: // the others are neither
		}
	}
}

// ownerOf is the member who owns the team; nil: status does not tell yet.
func ownerOf(t *v1alpha1.PartnerTeam) *v1alpha1.TeamMember {
	i := slices.IndexFunc(t.Status.Members, func(m v1alpha1.TeamMember) bool { return m.Role == owner && m.State == v1alpha1.MemberActive })
	if i < 0 {
		return nil
	}
	return &t.Status.Members[i]
}

// Member finds a person in a team, whatever the case of the address; nil: the team does not know them. Before status
// tells, the first owner is in it. A change of what it gives is one of the team, if status tells of the person.
func Member(t *v1alpha1.PartnerTeam, email string) *v1alpha1.TeamMember {
	for i := range t.Status.Members {
		if address.Equal(string(t.Status.Members[i].Email), email) {
			return &t.Status.Members[i]
		}
	}
	if first := t.CurrentOwner(); ownerOf(t) == nil && address.Equal(string(first.Email), email) {
		return &v1alpha1.TeamMember{Email: first.Email, FirstName: first.FirstName, LastName: first.LastName, Role: owner, State: v1alpha1.MemberActive, Source: v1alpha1.MemberFromOwner}
	}
	return nil
}

// Addresses are those of all whom a team knows.
func Addresses(t *v1alpha1.PartnerTeam) []string {
	var all []string
	if first := t.CurrentOwner(); ownerOf(t) == nil {
		all = append(all, string(first.Email))
	}
	for _, m := range t.Status.Members {
		all = append(all, string(m.Email))
	}
	return all
}

// Present are the addresses of those who are in a team.
func Present(t *v1alpha1.PartnerTeam) (all []string) {
	for _, m := range t.Status.Members {
		if m.State == v1alpha1.MemberActive {
			all = append(all, string(m.Email))
		}
	}
	return all
}

// IsActive tells whether a person is in a team.
func IsActive(t *v1alpha1.PartnerTeam, email string) bool { return Can(t, email, SeeTeam) }

// Leaders are the owner and the admins of a team, the owner first: those who decide for it, and are told. There are ten
// at most.
func Leaders(t *v1alpha1.PartnerTeam) []v1alpha1.TeamMember {
	var leaders []v1alpha1.TeamMember
	if m := Member(t, string(t.CurrentOwner().Email)); m != nil && m.State == v1alpha1.MemberActive {
		leaders = append(leaders, *m)
	}
	for _, m := range t.Status.Members {
		if m.State == v1alpha1.MemberActive && m.Role == admin && len(leaders) < maxApprovers {
			leaders = append(leaders, m)
		}
	}
	return leaders
}

// bySerial finds the person about whom links of a number were issued; nil: the number is of nobody, or not the latest.
func bySerial(t *v1alpha1.PartnerTeam, serial int64) *v1alpha1.TeamMember {
	i := slices.IndexFunc(t.Status.Members, func(m v1alpha1.TeamMember) bool { return serial > 0 && m.Serial == serial })
	if i < 0 {
		return nil
	}
	return &t.Status.Members[i]
}

// InvitedBySerial finds the person whom a link to join was issued for; nil: it is used, replaced or was never issued.
func InvitedBySerial(t *v1alpha1.PartnerTeam, serial int64) *v1alpha1.TeamMember {
	if m := bySerial(t, serial); m != nil && m.State == v1alpha1.MemberInvited && t.DeletionTimestamp.IsZero() {
		return m
	}
	return nil
}

// AwaitingBySerial finds the person whom a link to approve is about; nil: it was decided, or was never issued.
func AwaitingBySerial(t *v1alpha1.PartnerTeam, serial int64) *v1alpha1.TeamMember {
	if m := bySerial(t, serial); m != nil && m.State == v1alpha1.MemberAwaitingApproval && t.DeletionTimestamp.IsZero() {
		return m
	}
	return nil
}

// DecidedBySerial finds the person whom a link to approve was about, when that was decided or taken back; nil: the number is of
// nobody, or not the latest.
func DecidedBySerial(t *v1alpha1.PartnerTeam, serial int64) *v1alpha1.TeamMember {
	i := slices.IndexFunc(t.Status.Members, func(m v1alpha1.TeamMember) bool {
		return serial > 0 && m.ApprovalSerial == serial && m.State != v1alpha1.MemberAwaitingApproval
	})
	if i < 0 || !t.DeletionTimestamp.IsZero() {
		return nil
	}
	return &t.Status.Members[i]
}

// Expired tells whether the link to join is too old.
func Expired(m *v1alpha1.TeamMember, now time.Time) bool {
	return m.State == v1alpha1.MemberInvited && m.ExpiryTime != nil && !now.Before(m.ExpiryTime.Time)
}

// LinkDead tells whether so many wrong addresses were typed on the page of the link to join that it is dead.
func LinkDead(m *v1alpha1.TeamMember) bool {
	return m.State == v1alpha1.MemberInvited && m.WrongAddresses.LinkDead()
}

// nextSerial gives a number to an occasion for links.
func nextSerial(t *v1alpha1.PartnerTeam) int64 {
	t.Status.LastSerial++
	return t.Status.LastSerial
}

// room makes room for one more person, by forgetting one who is not in the team any more, the longest ago first. False:
// there is none.
func room(t *v1alpha1.PartnerTeam) bool {
	if len(t.Status.Members) < MaxMembers {
		return true
	}
	oldest := -1
	for i, m := range t.Status.Members {
		if !over(m.State) {
			continue
		}
		if oldest < 0 || endOf(m).Before(endOf(t.Status.Members[oldest])) {
			oldest = i
		}
	}
	if oldest < 0 {
		return false
	}
	t.Status.Members = slices.Delete(t.Status.Members, oldest, oldest+1)
	return true
}

// over tells whether somebody in a state is neither in the team nor on the way into it.
func over(state v1alpha1.TeamMemberState) bool {
	switch state {
	case v1alpha1.MemberRejected, v1alpha1.MemberDeclined, v1alpha1.MemberRemoved:
		return true
	default:
		return false
	}
}

func endOf(m v1alpha1.TeamMember) time.Time {
	if m.EndedTime == nil {
		return time.Time{}
	}
	return m.EndedTime.Time
}

func seconds(now time.Time) *metav1.Time { return &metav1.Time{Time: now} }
