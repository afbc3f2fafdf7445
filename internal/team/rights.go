// Package team holds the rules about partner teams: who may do what, how people come and go, who owns a team, and which
// mails its people get. It is pure.
package team

import (
	"slices"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// Action is something that a person can do in a team.
type Action string

// The actions.
const (
	// SeeTeam: see who is in the team.
	SeeTeam Action = "SeeTeam"
	// Leave: leave the team.
	Leave Action = "Leave"
	// InvitePeople: invite people, and approve or reject whom the company proposes.
	InvitePeople Action = "InvitePeople"
	// RemovePeople: take people other than the owner out.
	RemovePeople Action = "RemovePeople"
	// ChangeRoles: change the roles of people other than the owner.
	ChangeRoles Action = "ChangeRoles"
	// ConfigureTeam: change settings of the team.
	ConfigureTeam Action = "ConfigureTeam"
	// JoinPrograms: accept an invite into programs for the team, or join one.
	JoinPrograms Action = "JoinPrograms"
	// AcceptTerms: accept a program's terms for the team.
	AcceptTerms Action = "AcceptTerms"
	// OwnLinks: have links of one's own.
	OwnLinks Action = "OwnLinks"
	// SeeCommissions: see what the team earned.
	SeeCommissions Action = "SeeCommissions"
	// Withdraw: have commissions paid out.
	Withdraw Action = "Withdraw"
	// HandOver: make somebody else the owner.
	HandOver Action = "HandOver"
)

// Right is one line of the table of rights.
type Right struct {
	// Action is what it is about, and Means that in words.
	Action Action
	Means  string
	// Roles may do it.
	Roles []v1alpha1.TeamRole
}

// The roles, for the table.
const (
	owner   = v1alpha1.RoleOwner
	admin   = v1alpha1.RoleAdmin
	member  = v1alpha1.RoleMember
	finance = v1alpha1.RoleFinance
)

// Roles are all roles there are, in the order of the table.
var Roles = []v1alpha1.TeamRole{owner, admin, member, finance}

// Rights is the one table of who may do what in a team. Every page and every change asks it, and docs/teams.md shows it.
var Rights = []Right{
	{SeeTeam, "see who is in the team", Roles},
	{Leave, "leave the team", []v1alpha1.TeamRole{admin, member, finance}},
	{InvitePeople, "invite people, approve and reject them", []v1alpha1.TeamRole{owner, admin}},
	{RemovePeople, "remove people", []v1alpha1.TeamRole{owner, admin}},
	{ChangeRoles, "change roles", []v1alpha1.TeamRole{owner, admin}},
	{ConfigureTeam, "change the settings of the team", []v1alpha1.TeamRole{owner, admin}},
	{JoinPrograms, "accept program invites, join programs", []v1alpha1.TeamRole{owner, admin}},
	{AcceptTerms, "accept terms", []v1alpha1.TeamRole{owner, admin}},
	{OwnLinks, "have own links", []v1alpha1.TeamRole{owner, admin, member}},
	{SeeCommissions, "see commissions", []v1alpha1.TeamRole{owner, finance}},
	{Withdraw, "withdraw commissions", []v1alpha1.TeamRole{owner, finance}},
	{HandOver, "hand over ownership", []v1alpha1.TeamRole{owner}},
}

// May tells whether a role allows an action.
func May(role v1alpha1.TeamRole, action Action) bool {
	for _, right := range Rights {
		if right.Action == action {
			return slices.Contains(right.Roles, role)
		}
	}
	return false
}

// Can tells whether a person may do something in a team now: only who is Active may do anything.
func Can(t *v1alpha1.PartnerTeam, email string, action Action) bool {
	m := Member(t, email)
	return m != nil && m.State == v1alpha1.MemberActive && t.DeletionTimestamp.IsZero() && t.IsReadable() && May(m.Role, action)
}
